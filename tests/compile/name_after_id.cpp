#include "messages.hpp"

asio::awaitable<void> run(Service& service, const Greeting& greeting) {
  const Reply reply = co_await service.invoke(1, "greet", greeting);
}
