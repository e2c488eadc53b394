#include "messages.hpp"

asio::awaitable<void> run(Service& service, const std::string& name, const Greeting& greeting) {
  co_await service.broadcast(name, greeting);
}
