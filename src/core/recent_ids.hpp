#pragma once

#include <cstddef>
#include <unordered_set>
#include <vector>

#include <util/request_id.hpp>

namespace mesh::core {

/// The last few request ids that were added, by their hashes: good enough to tell what is usual
/// from what is not.
class RecentIds {
 public:
  void add(const RequestId& id) {
    if (order_.size() < most) {
      order_.push_back(id.hash());
    } else {
      known_.erase(order_[next_]);
      order_[next_] = id.hash();
      next_ = (next_ + 1) % most;
    }
    known_.insert(id.hash());
  }
  bool contains(const RequestId& id) const { return known_.contains(id.hash()); }

 private:
  static constexpr std::size_t most = 1024;

  std::vector<std::size_t> order_;
  std::size_t next_ = 0;  // the oldest one, once there are as many as may be
  std::unordered_set<std::size_t> known_;
};

}  // namespace mesh::core
