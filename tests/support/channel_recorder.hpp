#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <mesh/options.hpp>
#include <nlohmann/json.hpp>

namespace mesh::test {

/// Listens on channels in a thread of its own and keeps what was published there; in a cluster they
/// are sharded.
class ChannelRecorder {
 public:
  struct Message {
    std::string channel;
    std::string payload;
  };

  /// Returns after the subscription; throws `RedisProbeError`.
  ChannelRecorder(const RedisOptions& options, std::vector<std::string> channels);
  ~ChannelRecorder();
  ChannelRecorder(const ChannelRecorder&) = delete;
  ChannelRecorder& operator=(const ChannelRecorder&) = delete;

  std::vector<Message> messages() const;
  std::size_t size() const;
  /// The payloads, parsed; throws if one is not JSON.
  std::vector<nlohmann::json> json() const;

 private:
  void listen(const RedisOptions& options, const std::vector<std::string>& channels);

  mutable std::mutex mutex_;
  std::vector<Message> messages_;
  std::string failure_;
  std::atomic<bool> subscribed_ = false;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace mesh::test
