#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include <mesh/node.hpp>

#include <async/strand.hpp>
#include <core/node_channels.hpp>
#include <util/request_id.hpp>

namespace mesh::core {

/// Asks Redis whether nodes can hear their requests; one question at a time for each node, which
/// all calls to it share. All members must be called on the strand.
class ListenerCheck : public std::enable_shared_from_this<ListenerCheck> {
 public:
  /// Nothing if Redis did not tell.
  using OnAnswer =
      std::function<void(const RequestId& request_id, const std::optional<Listeners>& found)>;

  ListenerCheck(std::shared_ptr<NodeChannels> channels, OnAnswer on_answer);
  ListenerCheck(const ListenerCheck&) = delete;
  ListenerCheck& operator=(const ListenerCheck&) = delete;

  void ask(InstanceId target, const RequestId& request_id);
  /// How many besides nodes PUBLISH counts, if Redis was asked since then.
  std::optional<std::int64_t> others_since(TimePoint time) const {
    return answered_at_ && *answered_at_ >= time ? std::optional(others_) : std::nullopt;
  }
  void clear();

 private:
  void on_reply(InstanceId target, TimePoint asked_at, const std::optional<Listeners>& found);

  std::shared_ptr<NodeChannels> channels_;
  OnAnswer on_answer_;
  std::unordered_map<InstanceId, std::vector<RequestId>> questions_;  // request ids by target
  std::optional<TimePoint> answered_at_;                              // when the question was sent
  std::int64_t others_ = 0;
};

}  // namespace mesh::core
