#pragma once

#include <mesh/mesh.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <nlohmann/json.hpp>

#include <support/coroutine.hpp>
#include <support/json_line_peer.hpp>
#include <support/log_capture.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>

// C++ nodes and nodes of the Node.js peer in one mesh.

namespace mesh::test {

using namespace std::chrono_literals;
using Json = nlohmann::json;

struct AddRequest {
  int a = 0;
  int b = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(AddRequest, a, b)
struct AddReply {
  int sum = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(AddReply, sum)
struct SlowRequest {
  int ms = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(SlowRequest, ms)
struct SlowReply {
  int sleptMs = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(SlowReply, sleptMs)
struct FailRequest {
  std::string message;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(FailRequest, message)
struct WhoAmI {
  InstanceId instanceId = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(WhoAmI, instanceId)

using Messages = MessageMap<Message<"echo", Json, Json>, Message<"add", AddRequest, AddReply>,
                            Message<"slow", SlowRequest, SlowReply>,
                            Message<"fail", FailRequest, void>, Message<"noReply", void, Json>,
                            Message<"whoami", void, WhoAmI>, Message<"missing", Json, Json>>;
using Broadcasts = BroadcastMap<Broadcast<"configUpdated", Json>>;
using Service = MeshService<Messages, Broadcasts>;

inline constexpr const char* mesh_key = "interop";

/// How both kinds of nodes are tuned.
struct Tuning {
  std::chrono::milliseconds heartbeat_interval{200};
  std::chrono::milliseconds node_ttl{3000};
  std::chrono::milliseconds request_timeout{10000};
  // Of C++ nodes only.
  MeshLimits limits{};
  std::chrono::milliseconds stop_timeout{5000};
};

struct ReceivedBroadcast {
  Json data;
  InstanceId sender = 0;
};

/// A C++ node with the same handlers as the peer.
struct CppNode {
  CppNode(const asio::any_io_executor& executor, const RedisServer& redis, Tuning tuning = {})
      : service(executor, mesh_key, options(redis, tuning)) {
    service.register_handler<"echo">([](Json data) { return data; });
    service.register_handler<"add">(
        [](AddRequest request) { return AddReply{request.a + request.b}; });
    service.register_handler<"slow">([](SlowRequest request) -> asio::awaitable<SlowReply> {
      co_await sleep_for(std::chrono::milliseconds(request.ms));
      co_return SlowReply{request.ms};
    });
    service.register_handler<"fail">(
        [](const FailRequest& request) { throw std::runtime_error(request.message); });
    service.register_handler<"noReply">([] { return Json(); });
    service.register_handler<"whoami">([this] { return WhoAmI{service.instance_id()}; });
    service.register_broadcast_handler<"configUpdated">([this](Json data, InstanceId sender) {
      received.push_back(ReceivedBroadcast{std::move(data), sender});
    });
    service.set_node_cleaned_up_callback([this](InstanceId id) { cleaned_up.push_back(id); });
  }

  MeshOptions options(const RedisServer& redis, Tuning tuning) const {
    MeshOptions result;
    result.redis = redis.options();
    result.heartbeat_interval = tuning.heartbeat_interval;
    result.node_ttl = tuning.node_ttl;
    result.request_timeout = tuning.request_timeout;
    result.limits = tuning.limits;
    result.stop_timeout = tuning.stop_timeout;
    result.leader.ttl = 3s;
    result.leader.renewal_interval = 500ms;
    result.leader.retry_delay = 200ms;
    result.leader.wait_after_data_loss = false;
    result.log = log.sink();
    return result;
  }

  LogCapture log;
  std::vector<ReceivedBroadcast> received;
  std::vector<InstanceId> cleaned_up;
  Service service;
};

/// A node of the peer, in a process of its own.
class NodeJsNode {
 public:
  NodeJsNode(const asio::any_io_executor& executor, const RedisServer& redis, Tuning tuning = {})
      : peer_(executor, {MESH_TEST_NODE, MESH_TEST_PEER}),
        start_request_{{"op", "start"},
                       {"key", mesh_key},
                       {"prefix", "test"},
                       {"redis", {{"host", "127.0.0.1"}, {"port", redis.port()}}},
                       {"heartbeatIntervalMs", tuning.heartbeat_interval.count()},
                       {"nodeTtlMs", tuning.node_ttl.count()},
                       {"requestTimeoutMs", tuning.request_timeout.count()},
                       {"leaderOptions",
                        {{"ttlMs", 3000}, {"renewalIntervalMs", 500}, {"retryDelayMs", 200}}}} {}

  asio::awaitable<void> start() {
    const Json answer = co_await peer_.call(start_request_);
    id_ = answer.at("instanceId").get<InstanceId>();
  }
  asio::awaitable<void> stop() {
    const Json request{{"op", "stop"}};
    co_await peer_.call(request);
  }

  InstanceId id() const { return id_; }
  JsonLinePeer& peer() { return peer_; }

  asio::awaitable<Json> invoke(InstanceId id, std::string type, Json data,
                               std::optional<std::chrono::milliseconds> timeout = std::nullopt) {
    Json request{{"op", "invoke"}, {"id", id}, {"type", std::move(type)}};
    request["data"] = std::move(data);
    if (timeout) request["timeoutMs"] = timeout->count();
    const Json answer = co_await peer_.call(std::move(request), 60s);
    co_return answer.value("data", Json());
  }
  asio::awaitable<bool> is_leader() {
    const Json request{{"op", "isLeader"}};
    const Json answer = co_await peer_.call(request);
    co_return answer.at("isLeader").get<bool>();
  }
  asio::awaitable<Json> received() {
    const Json request{{"op", "received"}};
    const Json answer = co_await peer_.call(request);
    co_return answer.at("received");
  }
  asio::awaitable<Json> cleaned_up() {
    const Json request{{"op", "cleanedUp"}};
    const Json answer = co_await peer_.call(request);
    co_return answer.at("cleanedUp");
  }
  asio::awaitable<std::vector<MeshNode>> nodes() {
    const Json request{{"op", "nodes"}};
    const Json answer = co_await peer_.call(request);
    std::vector<MeshNode> nodes;
    for (const Json& node : answer.at("nodes")) {
      nodes.push_back(MeshNode{node.at("instanceId").get<InstanceId>(),
                               node.at("hostname").get<std::string>(),
                               node.at("self").get<bool>()});
    }
    std::ranges::sort(nodes, {}, &MeshNode::instance_id);
    co_return nodes;
  }

 private:
  JsonLinePeer peer_;
  Json start_request_;
  InstanceId id_ = 0;
};

/// One C++ node and one of the peer, started in this order unless `peer_first`.
struct Pair {
  explicit Pair(const asio::any_io_executor& executor, Tuning cpp_tuning = {},
                Tuning js_tuning = {})
      : cpp(executor, redis, cpp_tuning), js(executor, redis, js_tuning) {}

  asio::awaitable<void> start(bool peer_first = false) {
    if (peer_first) co_await js.start();
    co_await cpp.service.start();
    if (!peer_first) co_await js.start();
  }
  asio::awaitable<void> stop() {
    co_await js.stop();
    co_await cpp.service.stop();
  }

  InstanceId cpp_id() const { return cpp.service.instance_id(); }

  RedisServer redis;
  CppNode cpp;
  NodeJsNode js;
};

}  // namespace mesh::test
