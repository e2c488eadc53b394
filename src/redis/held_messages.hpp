#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mesh::redis {

/// Messages on channels of which it is not known yet whether a message there counts where it was
/// published.
class HeldMessages {
 public:
  using Take = std::function<void(std::string_view channel, std::string_view payload)>;

  /// What comes on the channel is held from now on, up to so many bytes of all channels, or one
  /// message however large.
  void hold(std::string channel, std::size_t most_bytes);
  bool holds(std::string_view channel) const { return held_.contains(channel); }
  /// Of a channel that is held. False, and nothing is kept, if there is no room.
  bool keep(std::string_view channel, std::string_view payload);
  /// Ends the hold and hands on what has come, in its order.
  void release(std::string_view channel, const Take& take);
  /// Ends the hold and forgets what has come.
  void drop(std::string_view channel);

 private:
  std::vector<std::string> end_hold(std::string_view channel);

  std::map<std::string, std::vector<std::string>, std::less<>> held_;
  std::size_t bytes_ = 0;
  std::size_t most_bytes_ = 0;
};

}  // namespace mesh::redis
