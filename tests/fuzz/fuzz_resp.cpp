#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fuzz/fake_redis.hpp>
#include <fuzz/require.hpp>
#include <mesh/mesh.hpp>

/// What Redis says is the input. Its first line tells, in single characters: how many proper
/// answers come before it on the first and on the second connection, and what comes after it. The
/// line `----` separates what the first connection says from what the second does. The node must
/// neither crash nor hang, and must stop in time.
namespace mesh::fuzz {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;
using Node =
    MeshService<MessageMap<Message<"json", Json, Json>>, BroadcastMap<Broadcast<"json", Json>>>;

constexpr std::string_view separator = "\n----\n";

enum class Then { hang_up, go_on, be_silent };

struct Part {
  std::size_t proper_answers = 0;
  std::string bytes;
};

struct Script {
  Part parts[2];
  Then then = Then::hang_up;
  bool says_it_again = false;  // also on the connections that come later
};

std::size_t number(std::string_view text, std::size_t index) {
  return index < text.size() ? static_cast<unsigned char>(text[index]) % 32U : 0;
}

Script parse(std::string_view input) {
  Script script;
  const std::string_view head = input.substr(0, input.find('\n'));
  input.remove_prefix(std::min(head.size() + 1, input.size()));
  script.parts[0].proper_answers = number(head, 0);
  script.parts[1].proper_answers = number(head, 1);
  const std::size_t flags = number(head, 2);
  // Silence takes time, so it is rare.
  script.then = flags % 8 == 7 ? Then::be_silent : flags % 2 == 1 ? Then::go_on : Then::hang_up;
  script.says_it_again = flags >= 16;
  const auto border = input.find(separator);
  script.parts[0].bytes = input.substr(0, border);
  if (border != std::string_view::npos) {
    script.parts[1].bytes = input.substr(border + separator.size());
  }
  return script;
}

Answer answer(const Script& script, std::size_t connection, std::size_t index,
              const Command& command) {
  Answer result;
  result.bytes = plausible_answer(command);
  if (connection > 1 && !script.says_it_again) return result;
  const Part& part = script.parts[connection % 2];
  if (index < part.proper_answers) return result;
  if (index == part.proper_answers) {
    result.bytes = part.bytes;
    result.hang_up = script.then == Then::hang_up;
  } else if (script.then == Then::be_silent) {
    result.bytes.clear();
  }
  return result;
}

MeshOptions options(const FakeRedis& redis) {
  MeshOptions result;
  result.heartbeat_interval = 5ms;
  result.node_ttl = 1s;
  result.request_timeout = 6ms;
  result.stop_timeout = 8ms;
  result.leader.ttl = 40ms;
  result.leader.renewal_interval = 5ms;
  result.leader.retry_delay = 5ms;
  result.redis = RedisOptions{};
  result.redis.unix_socket = redis.path();
  result.redis.prefix = "fuzz";
  result.redis.mutex_prefix = "fuzz";
  result.redis.connect_timeout = 10ms;
  result.redis.reconnect_min_delay = 1ms;
  result.redis.reconnect_max_delay = 2ms;
  result.redis.health_check_interval = 10ms;
  result.log = null_log_sink();
  return result;
}

/// Whatever fails, it fails as documented.
template <typename Operation>
asio::awaitable<bool> attempt(Operation operation) {
  try {
    co_await operation();
    co_return true;
  } catch (const MeshError&) {
    co_return false;
  }
}

asio::awaitable<void> live(Node& node) {
  const Json nothing;
  if (co_await attempt([&]() -> asio::awaitable<void> { co_await node.start(); })) {
    co_await attempt([&]() -> asio::awaitable<void> { co_await node.get_nodes(); });
    co_await attempt([&]() -> asio::awaitable<void> { co_await node.broadcast<"json">(nothing); });
    co_await attempt([&]() -> asio::awaitable<void> {
      co_await node.invoke<"json">(99, nothing, {.timeout = 1ms});
    });
  }
  co_await node.stop();
  require(node.instance_id() == 0, "a stopped node has an id");
}

class World {
 public:
  World() : redis_(context_) {}

  void live_with(const Script& script) {
    redis_.set_answer([&script](std::size_t connection, std::size_t index, const Command& command) {
      return answer(script, connection, index, command);
    });
    Node node(context_.get_executor(), "node", options(redis_));
    node.register_handler<"json">([](Json value) { return value; });
    bool ended = false;
    asio::co_spawn(context_, live(node), [&ended](const std::exception_ptr& error) {
      require(!error, "something else than a MeshError");
      ended = true;
    });
    const auto deadline = std::chrono::steady_clock::now() + 8s;
    while (!ended) {
      context_.run_one_until(deadline);
      require(ended || std::chrono::steady_clock::now() < deadline, "the node hangs");
    }
    redis_.reset();
    context_.poll();
  }

 private:
  asio::io_context context_{1};
  FakeRedis redis_;
};

}  // namespace
}  // namespace mesh::fuzz

// Redis may announce replies of any length; not to get the memory is one of the answers.
extern "C" const char* __asan_default_options() {  // NOLINT(bugprone-reserved-identifier)
  return "allocator_may_return_null=1:max_allocation_size_mb=256";
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static mesh::fuzz::World world;
  world.live_with(mesh::fuzz::parse({reinterpret_cast<const char*>(data), size}));
  return 0;
}
