#include "messages.hpp"

asio::awaitable<void> run(Service& service, const Greeting& greeting) {
  const Reply reply =
      co_await service.invoke<"great">(1, greeting, {.timeout = std::chrono::seconds(1)});
}
