#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include <boost/unordered/unordered_flat_map.hpp>

#include <core/parked_responses.hpp>

namespace mesh::core {

/// The responses of which Redis has not said yet how many have received them, each with a number.
class SentResponses {
 public:
  using Number = std::uint64_t;

  Number add(OutgoingResponse&& response) {
    responses_.emplace(next_, std::move(response));
    return next_++;
  }

  /// Null if it was taken out, or forgotten. Good until the next one is added.
  const OutgoingResponse* find(Number number) const {
    const auto found = responses_.find(number);
    return found == responses_.end() ? nullptr : &found->second;
  }

  /// Nothing if it was taken out before, or forgotten.
  std::optional<OutgoingResponse> take(Number number) {
    const auto found = responses_.find(number);
    if (found == responses_.end()) return std::nullopt;
    std::optional<OutgoingResponse> taken(std::move(found->second));
    responses_.erase(found);
    if (responses_.empty() && responses_.bucket_count() > most_spare) responses_ = {};
    return taken;
  }

  void clear() { responses_ = {}; }

 private:
  static constexpr std::size_t most_spare = 4096;  // places whose memory is kept

  boost::unordered_flat_map<Number, OutgoingResponse> responses_;
  Number next_ = 0;
};

}  // namespace mesh::core
