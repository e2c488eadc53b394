#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <boost/unordered/unordered_flat_map.hpp>

#include <core/keys.hpp>
#include <core/node_channels.hpp>
#include <redis/client.hpp>
#include <redis/primaries.hpp>

namespace mesh::core {

/// Where each node's channel is at the primary of its own slot, and all keys are at that of another
/// one. What is answered with a redirection was not published, but 0 receivers are no proof of
/// that: a replica, which the connection may lead to after a failover, says so and passes the
/// message on.
class ClusterChannels final : public NodeChannels,
                              public std::enable_shared_from_this<ClusterChannels> {
 public:
  /// `registry` leads to the keys.
  ClusterChannels(std::shared_ptr<redis::Client> registry,
                  std::shared_ptr<redis::Primaries> primaries, Keys keys);

  bool can_send(InstanceId target) override;
  std::exception_ptr not_sent_error(InstanceId target) override;
  std::exception_ptr too_large_error(InstanceId target, std::size_t size) override;
  bool can_publish_at_once(InstanceId target, std::size_t size) override;
  void want_write(InstanceId target) override;
  void publish(InstanceId target, std::string_view message, TimePoint deadline,
               redis::OutcomeCallback&& callback, std::size_t messages) override;
  void publish_hint(InstanceId target, std::string_view message, TimePoint deadline) override;
  void publish_again(InstanceId target, std::string_view message, std::string_view owner,
                     TimePoint deadline, redis::OutcomeCallback&& callback) override;
  void publish_to_listener(InstanceId target, std::string_view message, TimePoint deadline,
                           redis::OutcomeCallback&& callback) override;
  /// Tells nothing either where the node of the cluster that was asked is not the primary.
  void ask_listeners(InstanceId target, TimePoint deadline, OnListeners on_listeners) override;
  void ask_after_zero(InstanceId target, TimePoint sent_at, TimePoint deadline,
                      OnListeners on_listeners) override;

 private:
  struct Channel {
    std::string name;
    std::uint16_t slot = 0;
  };
  struct Hint {
    InstanceId target = 0;
    std::string message;
    TimePoint deadline{};
    int redirections = 0;
  };
  struct Repetition {
    InstanceId target = 0;
    std::string message;
    std::string owner;
    TimePoint deadline{};
    redis::OutcomeCallback callback;
  };

  const Channel& channel_of(InstanceId node);
  const std::shared_ptr<redis::Client>& connection_to(const Channel& channel) {
    return primaries_->of(channel.slot);
  }
  void send_hint(std::unique_ptr<Hint> hint);
  void on_owner_found(Repetition& repetition, redis::Outcome&& found);

  std::shared_ptr<redis::Client> registry_;
  std::shared_ptr<redis::Primaries> primaries_;
  Keys keys_;
  boost::unordered_flat_map<InstanceId, Channel> channels_;  // of the nodes that were written to
};

}  // namespace mesh::core
