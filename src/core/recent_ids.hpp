#pragma once

#include <cstddef>
#include <vector>

#include <util/request_id.hpp>

namespace mesh::core {

/// Most of the last few thousand request ids that were added, by their hashes, each of which has
/// one place: cheap, and good enough to tell what is usual from what is not.
class RecentIds {
 public:
  void add(const RequestId& id) {
    if (hashes_.empty()) hashes_.resize(places);
    hashes_[id.hash() % places] = id.hash();
  }
  bool contains(const RequestId& id) const {
    return !hashes_.empty() && hashes_[id.hash() % places] == id.hash();
  }

 private:
  static constexpr std::size_t places = 4096;

  std::vector<std::size_t> hashes_;
};

}  // namespace mesh::core
