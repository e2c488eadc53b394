#include "messages.hpp"

asio::awaitable<void> run(Service& service) {
  co_await service.invoke<"greet">(1, Greeting{.name = "Ada"});
}
