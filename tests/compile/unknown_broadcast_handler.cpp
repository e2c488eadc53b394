#include "messages.hpp"

void run(Service& service) {
  service.register_broadcast_handler<"gnus">([](const Greeting&) {});
}
