#include "messages.hpp"

asio::awaitable<void> run(Service& service) {
  service.register_handler<"greet">([](const Greeting& greeting) { return Reply{greeting.name}; });
  service.register_handler<"greet">(
      [](Greeting greeting) -> asio::awaitable<Reply> { co_return Reply{greeting.name}; });
  service.register_broadcast_handler<"news">([](const Greeting&) {});
  service.register_broadcast_handler<"news">([](Greeting, mesh::InstanceId) {});

  const Greeting greeting{.name = "Ada"};
  co_await service.invoke<"greet">(1, greeting);
  co_await service.broadcast<"news">(greeting);
}
