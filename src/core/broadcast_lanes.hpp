#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/strand.hpp>
#include <mesh/node.hpp>

namespace mesh::core {

/// Where the broadcasts of one sender and type are handled, so that on a pool, too, they begin in
/// the order in which they came. All others may be handled at the same time.
class BroadcastLanes {
 public:
  using Lane = boost::asio::strand<boost::asio::any_io_executor>;

  explicit BroadcastLanes(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

  /// For one broadcast, until `leave()`.
  Lane enter(InstanceId sender, const std::string& type) {
    auto found = lanes_.find({sender, type});
    if (found == lanes_.end()) {
      found = lanes_.emplace(Key{sender, type}, Entry{Lane(executor_)}).first;
    }
    ++found->second.broadcasts;
    return found->second.lane;
  }

  /// How many broadcasts are in the lane.
  std::size_t size_of(InstanceId sender, const std::string& type) const {
    const auto found = lanes_.find({sender, type});
    return found == lanes_.end() ? 0 : found->second.broadcasts;
  }

  void leave(InstanceId sender, const std::string& type) {
    const auto found = lanes_.find({sender, type});
    if (--found->second.broadcasts == 0) lanes_.erase(found);
  }

 private:
  using Key = std::pair<InstanceId, std::string>;
  struct Entry {
    Lane lane;
    std::size_t broadcasts = 0;
  };

  boost::asio::any_io_executor executor_;
  std::map<Key, Entry> lanes_;
};

}  // namespace mesh::core
