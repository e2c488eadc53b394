#include "messages.hpp"

asio::awaitable<void> run(Service& service, const std::string& name, const Greeting& greeting) {
  const Reply reply = co_await service.invoke(name, 1, greeting);
}
