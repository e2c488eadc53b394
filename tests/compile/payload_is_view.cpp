#include <string_view>

#include "messages.hpp"

using Views = mesh::MessageMap<mesh::Message<"greet", std::string_view, Reply>>;

asio::awaitable<void> run(mesh::MeshService<Views>& service, std::string_view name) {
  service.register_handler<"greet">([](std::string_view text) { return Reply{std::string(text)}; });
  co_await service.invoke<"greet">(1, name);
}
