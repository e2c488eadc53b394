#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <mesh/node.hpp>
#include <nlohmann/json.hpp>
#include <support/channel_recorder.hpp>
#include <support/coroutine.hpp>
#include <support/redis_probe.hpp>

namespace mesh::test {

/// A member of a mesh written by hand: keeps what is sent to it, and sends what it is told to.
class RawPeer {
 public:
  /// `mesh` is the stem of the mesh's names, such as "test:mesh:my-app"; in a cluster without the
  /// braces.
  RawPeer(const RedisOptions& options, std::string mesh, InstanceId id)
      : mesh_(std::move(mesh)),
        broadcast_(options.cluster.empty() ? mesh_ + ":broadcast" : "{" + mesh_ + "}:broadcast"),
        id_(id),
        probe_(options),
        recorder_(options, {channel(id), broadcast_}) {}

  InstanceId id() const { return id_; }

  void send(InstanceId target, const nlohmann::json& message) {
    probe_.publish(channel(target), message.dump());
  }
  void broadcast(const nlohmann::json& message) { probe_.publish(broadcast_, message.dump()); }

  nlohmann::json request(const std::string& request_id, const std::string& type,
                         nlohmann::json data, int timeout_ms) const {
    return {{"requestId", request_id},
            {"senderInstanceId", id_},
            {"type", type},
            {"data", std::move(data)},
            {"timeoutMs", timeout_ms}};
  }

  /// What came to this node's own channel.
  std::vector<nlohmann::json> received() const { return on_channel(channel(id_)); }
  std::vector<nlohmann::json> broadcasts() const { return on_channel(broadcast_); }

  std::size_t heartbeats(const std::string& request_id) const {
    std::size_t count = 0;
    for (const auto& message : received()) {
      if (message.at("requestId") == request_id && message.contains("heartbeat")) ++count;
    }
    return count;
  }

  /// The message with this index; null if it does not come.
  asio::awaitable<nlohmann::json> message(std::size_t index) {
    if (!co_await eventually([&] { return received().size() > index; })) co_return nullptr;
    co_return received().at(index);
  }

 private:
  std::string channel(InstanceId id) const { return mesh_ + ":node:" + std::to_string(id); }

  std::vector<nlohmann::json> on_channel(const std::string& wanted) const {
    std::vector<nlohmann::json> result;
    for (const auto& message : recorder_.messages()) {
      if (message.channel == wanted) result.push_back(nlohmann::json::parse(message.payload));
    }
    return result;
  }

  std::string mesh_;
  std::string broadcast_;
  InstanceId id_;
  RedisProbe probe_;
  ChannelRecorder recorder_;
};

}  // namespace mesh::test
