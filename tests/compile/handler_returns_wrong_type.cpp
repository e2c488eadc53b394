#include "messages.hpp"

void run(Service& service) {
  service.register_handler<"greet">(
      [](Greeting greeting) -> asio::awaitable<Greeting> { co_return greeting; });
}
