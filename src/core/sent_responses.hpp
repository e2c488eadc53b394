#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include <boost/circular_buffer.hpp>

#include <core/parked_responses.hpp>

namespace mesh::core {

/// The responses of which Redis has not said yet how many have received them, each with a number.
/// The oldest are taken out first, with few exceptions.
class SentResponses {
 public:
  using Number = std::uint64_t;

  Number add(OutgoingResponse&& response) {
    if (ring_.full()) ring_.set_capacity(2 * ring_.capacity() + least_capacity);
    ring_.push_back(std::move(response));
    return first_ + ring_.size() - 1;
  }

  /// Null if it was taken out, or forgotten. Good until the next one is added.
  OutgoingResponse* find(Number number) {
    if (number < first_ || number - first_ >= ring_.size()) return nullptr;
    std::optional<OutgoingResponse>& found = ring_[number - first_];
    return found ? &*found : nullptr;
  }

  /// One that is there.
  void erase(Number number) {
    ring_[number - first_].reset();
    while (!ring_.empty() && !ring_.front()) {
      ring_.pop_front();
      ++first_;
    }
  }

  void clear() {
    first_ += ring_.size();
    ring_.clear();
  }

 private:
  static constexpr std::size_t least_capacity = 64;

  boost::circular_buffer<std::optional<OutgoingResponse>> ring_;
  Number first_ = 0;  // the number of the first one in the ring
};

}  // namespace mesh::core
