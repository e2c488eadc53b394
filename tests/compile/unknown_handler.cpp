#include "messages.hpp"

void run(Service& service) {
  service.register_handler<"great">([](const Greeting&) { return Reply{}; });
}
