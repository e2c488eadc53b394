#pragma once

#include <memory>

#include <core/keys.hpp>
#include <core/node_channel.hpp>
#include <core/node_channels.hpp>
#include <redis/client.hpp>

namespace mesh::core {

/// Where one Redis has all channels and keys, so that one script can look at both.
class SingleRedisChannels final : public NodeChannels {
 public:
  SingleRedisChannels(std::shared_ptr<redis::Client> commands, Keys keys);

  bool can_send(InstanceId target) override;
  std::exception_ptr not_sent_error(InstanceId target) override;
  std::exception_ptr too_large_error(InstanceId target, std::size_t size) override;
  bool can_publish_at_once(InstanceId target, std::size_t size) override;
  void want_write(InstanceId target) override;
  void publish(InstanceId target, std::string_view message, TimePoint deadline,
               redis::OutcomeCallback&& callback, std::size_t messages) override;
  void publish_again(InstanceId target, std::string_view message, std::string_view owner,
                     TimePoint deadline, redis::OutcomeCallback&& callback) override;
  void publish_to_listener(InstanceId target, std::string_view message, TimePoint deadline,
                           redis::OutcomeCallback&& callback) override;
  void ask_listeners(InstanceId target, TimePoint deadline, OnListeners on_listeners) override;

 private:
  std::shared_ptr<redis::Client> commands_;
  Keys keys_;
  NodeChannel channel_;
};

}  // namespace mesh::core
