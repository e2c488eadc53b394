#include <map>
#include <type_traits>
#include <utility>
#include <vector>

#include "messages.hpp"

// A temporary of what functions take must be safe in a co_await expression on every compiler.
template <typename Options>
constexpr bool is_safe_temporary =
    !std::is_aggregate_v<Options> || std::is_trivially_destructible_v<Options>;
static_assert(is_safe_temporary<mesh::MeshOptions> && is_safe_temporary<mesh::RedisOptions> &&
              is_safe_temporary<mesh::LeaderOptions> && is_safe_temporary<mesh::InvokeOptions> &&
              is_safe_temporary<mesh::BroadcastOptions> && is_safe_temporary<mesh::StopOptions>);

// Payloads that own what they hold, in whatever.
using Owners = mesh::MessageMap<
    mesh::Message<"json", nlohmann::json, nlohmann::json>, mesh::Message<"text", std::string, void>,
    mesh::Message<"maps", std::map<std::string, std::vector<int>>, std::pair<int, std::string>>>;
void use(mesh::MeshService<Owners>& service) { service.stats(); }

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
