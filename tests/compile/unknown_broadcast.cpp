#include "messages.hpp"

asio::awaitable<void> run(Service& service, const Greeting& greeting) {
  co_await service.broadcast<"greet">(greeting);
}
