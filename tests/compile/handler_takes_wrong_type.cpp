#include "messages.hpp"

void run(Service& service) {
  service.register_handler<"greet">([](const Reply& reply) { return reply; });
}
