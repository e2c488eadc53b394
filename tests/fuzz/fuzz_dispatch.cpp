#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fuzz/fake_redis.hpp>
#include <fuzz/require.hpp>
#include <mesh/mesh.hpp>
#include <wire/frame.hpp>

/// Each line of the input is a message from Redis to a running node; one that begins with ! goes to
/// the broadcast channel, and those next to each other that begin with + come in one frame. `@0` to
/// `@3` stand for the ids of requests that the node has sent. The node must go on: it answers a
/// proper request after each input, and now and then it is stopped.
namespace mesh::fuzz {

struct Item {
  std::string name;
  double price = 0;
};
struct Order {
  int number = 0;
  std::vector<Item> items;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Item, name, price)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Order, number, items)

namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;
using Messages = MessageMap<Message<"typed", Order, Order>, Message<"json", Json, Json>,
                            Message<"none", void, void>, Message<"throw", Json, Json>,
                            Message<"slow", Json, Json>, Message<"invalid", Json, Json>>;
using Broadcasts = BroadcastMap<Broadcast<"typed", Order>, Broadcast<"throw", Json>>;
using Node = MeshService<Messages, Broadcasts>;

constexpr InstanceId peer = 99;
constexpr std::size_t calls = 4;
constexpr std::size_t most_messages = 64;
constexpr std::size_t remembered_answers = 2000;  // a node remembers a few more
constexpr int inputs_per_node = 5000;

MeshOptions options(const FakeRedis& redis) {
  MeshOptions result;
  result.redis = RedisOptions{};
  result.redis.unix_socket = redis.path();
  result.redis.prefix = "fuzz";
  result.redis.mutex_prefix = "fuzz";
  result.redis.connect_timeout = 20s;
  result.request_timeout = 24h;
  result.limits.message_size = 65536;
  result.limits.nesting_depth = 16;
  result.log = null_log_sink();
  return result;
}

/// What stands behind `name` in a message of the node: a number, or a string with its escapes.
std::string_view field(std::string_view message, std::string_view name) {
  const auto begin = message.find(name);
  if (begin == std::string_view::npos) return {};
  message.remove_prefix(begin + name.size());
  if (!message.starts_with('"')) return message.substr(0, message.find_first_of(",}"));
  std::size_t end = 1;
  while (end < message.size() && message[end] != '"') end += message[end] == '\\' ? 2 : 1;
  return message.substr(1, end - 1);
}

class World {
 public:
  World() : redis_(context_), gate_(context_, asio::steady_timer::time_point::max()) {
    redis_.set_on_publish([this](std::string_view channel, std::string_view message) {
      on_publish(channel, message);
    });
    node_ = std::make_unique<Node>(context_.get_executor(), "node", options(redis_));
    register_handlers();
    asio::co_spawn(context_, node_->start(), [this](const std::exception_ptr& error) {
      require(!error, "the node does not start");
      started_ = true;
    });
    run_until(started_);
    for (std::size_t i = 0; i < calls; ++i) call(i);
  }

  ~World() {
    stopping_ = true;
    deliver(R"({"requestId":"the last","senderInstanceId":99,"type":"slow"})");
    probe();
    bool stopped = false;
    asio::co_spawn(context_, node_->stop(), [&stopped](const std::exception_ptr& error) {
      require(!error, "stop() throws");
      stopped = true;
    });
    run_until(stopped);
    require(
        node_->stats().calls_sent == node_->stats().calls_succeeded + node_->stats().calls_failed,
        "a call has no outcome");
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void feed(std::string_view input) {
    if (answers_.size() > remembered_answers) answers_.clear();
    for (std::size_t i = 0; i < most_messages && !input.empty(); ++i) {
      const std::string_view line = input.substr(0, input.find('\n'));
      input.remove_prefix(std::min(line.size() + 1, input.size()));
      if (line.starts_with('+')) {
        frame_.add(fill_in(line.substr(1)));
        continue;
      }
      deliver_frame();
      if (line.starts_with('!')) {
        redis_.deliver("fuzz:mesh:node:broadcast", line.substr(1));
      } else {
        deliver(fill_in(line));
      }
    }
    deliver_frame();
    gate_.cancel();
    probe();
    gate_.cancel();
  }

 private:
  void register_handlers() {
    node_->register_handler<"typed">([](Order order) { return order; });
    node_->register_handler<"json">([](Json value) { return value; });
    node_->register_handler<"none">([] {});
    node_->register_handler<"throw">(
        [](const Json& value) -> Json { throw std::runtime_error(value.dump()); });
    node_->register_handler<"slow">([this](Json value) -> asio::awaitable<Json> {
      boost::system::error_code ignored;
      co_await gate_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      co_return value;
    });
    node_->register_handler<"invalid">([](const Json&) { return Json("\xff\xfe"); });
    node_->register_broadcast_handler<"typed">([](const Order&, InstanceId) {});
    node_->register_broadcast_handler<"throw">(
        [](const Json& value) { throw std::runtime_error(value.dump()); });
  }

  /// Keeps one call with this number under way.
  void call(std::size_t number) {
    Order order;
    order.number = static_cast<int>(number);
    node_->invoke<"typed">(peer, order, {}, [this, number](const std::exception_ptr& error, Order) {
      if (error) check_error(error);
      if (!stopping_) call(number);
    });
  }

  static void check_error(const std::exception_ptr& error) {
    try {
      std::rethrow_exception(error);
    } catch (const MeshHandlerError&) {
    } catch (const MeshNoHandlerError&) {
    } catch (const MeshDecodeError&) {
    } catch (const MeshLimitError&) {
    } catch (const MeshStoppedError&) {
    } catch (const MeshRequestTimeoutError&) {
      require(false, "a call times out although its time is not up");
    }
  }

  void on_publish(std::string_view channel, std::string_view text) {
    if (!channel.starts_with("fuzz:mesh:node:node:")) return;
    if (!wire::is_frame(text)) return on_message(text);
    wire::FrameReader frame(text);
    while (const auto message = frame.next()) on_message(*message);
    require(frame.is_at_end(), "a frame is broken");
  }

  void on_message(std::string_view message) {
    const std::string_view id = field(message, R"("requestId":)");
    if (message.find(R"(,"reply":true)") != std::string_view::npos) {
      on_response(id, message);
    } else if (message.find(R"(,"timeoutMs":)") != std::string_view::npos) {
      const std::string_view number = field(message, R"("number":)");
      require(number.size() == 1 && number[0] >= '0' && number[0] < '4', "a request of nobody");
      request_ids_.at(static_cast<std::size_t>(number[0] - '0')) = id;
    }
  }

  void on_response(std::string_view id, std::string_view message) {
    if (field(message, R"("error":)").starts_with("MESH_NO_HANDLER:")) return;
    require(answers_.insert(std::string(id)).second, "a request is answered twice");
    if (id == probe_id_ && field(message, R"("data":)") == "probe") answered_ = true;
  }

  std::string fill_in(std::string_view line) const {
    std::string text(line);
    for (auto at = text.find('@'); at != std::string::npos; at = text.find('@', at + 1)) {
      if (at + 1 == text.size() || text[at + 1] < '0' || text[at + 1] > '3') continue;
      text.replace(at, 2, request_ids_.at(static_cast<std::size_t>(text[at + 1] - '0')));
    }
    return text;
  }

  /// A proper request, which is answered when all before it has been read.
  void probe() {
    probe_id_ = std::to_string(random_());  // the input must not hit on it
    answered_ = false;
    deliver(R"({"requestId":")" + probe_id_ +
            R"(","senderInstanceId":99,"type":"json","data":"probe"})");
    run_until(answered_);
  }

  void deliver_frame() {
    if (frame_.messages() > 0) deliver(frame_.text());
    frame_.clear();
  }

  void deliver(std::string_view message) { redis_.deliver("fuzz:mesh:node:node:7", message); }

  void run_until(const bool& condition) {
    const auto deadline = std::chrono::steady_clock::now() + 8s;
    while (!condition) {
      context_.run_one_until(deadline);
      require(condition || std::chrono::steady_clock::now() < deadline, "the node does not react");
    }
  }

  asio::io_context context_{1};
  FakeRedis redis_;
  asio::steady_timer gate_;  // opens for slow handlers
  std::unique_ptr<Node> node_;
  wire::FrameWriter frame_;  // what is to be delivered as one
  std::array<std::string, calls> request_ids_;
  std::set<std::string, std::less<>> answers_;  // to the latest requests
  std::string probe_id_;
  std::mt19937_64 random_;
  bool started_ = false;
  bool answered_ = false;
  bool stopping_ = false;
};

}  // namespace
}  // namespace mesh::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::unique_ptr<mesh::fuzz::World> world;
  static int inputs = 0;
  if (inputs++ % mesh::fuzz::inputs_per_node == 0) {
    world.reset();
    world = std::make_unique<mesh::fuzz::World>();
  }
  world->feed({reinterpret_cast<const char*>(data), size});
  return 0;
}
