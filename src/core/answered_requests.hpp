#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <boost/circular_buffer.hpp>
#include <boost/unordered/unordered_flat_map.hpp>

#include <async/strand.hpp>
#include <core/text_fifo.hpp>
#include <util/request_id.hpp>

namespace mesh::core {

/// Remembers the last requests that were answered, so that none runs twice, and the last answers,
/// so that a repeated request gets the same one.
///
/// Time is passed in, and counts only as far as it was seen to pass: if the process was frozen, or
/// its thread blocked, what came meanwhile waited as long as that, and is judged as if it had not.
class AnsweredRequests {
 public:
  enum class Fate {
    ran,           ///< The response is that of its handler.
    refused,       ///< It was not run.
    cancelled,     ///< It ran, and gets no answer.
    never_wanted,  ///< Its caller ended it before it ran, and perhaps before it came.
  };

  struct Answered {
    std::optional<std::string_view> response;  ///< Nothing if only the id is still remembered.
    std::size_t size = 0;                      ///< Of the response, also if it is not kept.
    std::shared_ptr<unsigned> deliveries;      ///< Set for large ones: how often it was received.
    Fate fate = Fate::ran;
  };

  AnsweredRequests(std::size_t most_ids, std::size_t most_bytes)
      : most_ids_(most_ids), most_bytes_(most_bytes) {}

  void note_time(TimePoint now) {
    const Clock::duration step = last_time_ ? now - *last_time_ : Clock::duration::zero();
    time_ += std::min<Clock::duration>(step, longest_step);
    last_time_ = now;
  }

  void add(const RequestId& id, std::string_view response,
           std::shared_ptr<unsigned> deliveries = nullptr, Fate fate = Fate::ran) {
    if (const auto found = by_hash_.find(id.hash()); found != by_hash_.end()) {
      // Another id with this hash cannot be remembered beside it.
      if (entry(found->second).id != id.view()) forgotten_until_ = time_;
      return;
    }
    make_room();
    // What can throw comes first; of what was done by then nothing is missed.
    const Entry answered{ids_.push(id.view()),         id.hash(),       time_,
                         texts_.push(response).data(), response.size(), fate,
                         deliveries != nullptr};
    if (deliveries) deliveries_[id.hash()] = std::move(deliveries);
    by_hash_.emplace(id.hash(), first_number_ + order_.size());
    order_.push_back(answered);
    bytes_ += response.size();
    while (bytes_ > most_bytes_) drop_oldest_text();
    if (order_.size() > most_ids_) forget_oldest();
  }

  /// Nothing if the request is not remembered. A response is good until the next call of a member
  /// that is not const.
  std::optional<Answered> find(const RequestId& id) const {
    const auto found = by_hash_.find(id.hash());
    if (found == by_hash_.end()) return std::nullopt;
    const Entry& remembered = entry(found->second);
    if (remembered.id != id.view()) return std::nullopt;
    Answered answered{std::nullopt, remembered.size, nullptr, remembered.fate};
    if (found->second - first_number_ >= without_text_) {
      answered.response.emplace(remembered.response, remembered.size);
    }
    if (remembered.has_deliveries) answered.deliveries = deliveries_.at(id.hash());
    return answered;
  }

  /// Whether a request that was answered no longer ago than this may have been forgotten.
  bool may_have_forgotten_within(Clock::duration window) const {
    return forgotten_until_ && time_ - *forgotten_until_ <= window;
  }

 private:
  static constexpr std::chrono::milliseconds longest_step{100};
  static constexpr std::size_t least_capacity = 64;

  // Small, as each comes back from far away in memory to be forgotten.
  struct Entry {
    std::string_view id;
    std::size_t hash;
    Clock::duration at;
    const char* response;
    std::size_t size;
    Fate fate;
    bool has_deliveries;
  };

  const Entry& entry(std::uint64_t number) const { return order_[number - first_number_]; }

  // For one more than is remembered, as the oldest is forgotten afterwards.
  void make_room() {
    if (!order_.full()) return;
    const std::size_t more = std::max(least_capacity, 2 * order_.capacity());
    order_.set_capacity(std::min(more - 1, most_ids_) + 1);
  }

  void drop_oldest_text() {
    bytes_ -= order_[without_text_++].size;
    texts_.pop();
  }

  void forget_oldest() {
    if (without_text_ == 0) drop_oldest_text();
    --without_text_;
    const Entry& oldest = order_.front();
    forgotten_until_ = oldest.at;
    by_hash_.erase(oldest.hash);
    if (oldest.has_deliveries) deliveries_.erase(oldest.hash);
    ids_.pop();
    order_.pop_front();
    ++first_number_;
  }

  std::size_t most_ids_;
  std::size_t most_bytes_;
  std::size_t bytes_ = 0;  // of the responses
  boost::circular_buffer<Entry> order_;
  std::uint64_t first_number_ = 0;  // of the first in the order; the others follow
  // By hash, so that the ids of old ones need not be read again.
  boost::unordered_flat_map<std::size_t, std::uint64_t> by_hash_;
  std::unordered_map<std::size_t, std::shared_ptr<unsigned>> deliveries_;  // by hash, too
  TextFifo ids_;
  TextFifo texts_;
  std::size_t without_text_ = 0;  // at the front of the order
  std::optional<Clock::duration> forgotten_until_;
  std::optional<TimePoint> last_time_;
  Clock::duration time_{};
};

}  // namespace mesh::core
