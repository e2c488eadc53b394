#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

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
    ran,        ///< The response is that of its handler.
    refused,    ///< It was not run.
    cancelled,  ///< It gets no answer.
  };

  struct Answered {
    RequestId id;
    Clock::duration at{};
    std::optional<std::string_view> response{};  ///< Nothing if only the id is still remembered.
    std::size_t size = 0;                        ///< Of the response, also if it is not kept.
    std::shared_ptr<unsigned> deliveries{};      ///< Set for large ones: how often it was received.
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
    const auto [place, added] = by_hash_.try_emplace(id.hash(), nullptr);
    if (!added) {
      // Another id with this hash cannot be remembered beside it.
      if (place->second->id != id) forgotten_until_ = time_;
      return;
    }
    Answered& answered = order_.emplace_back(Answered{id, time_});
    place->second = &answered;
    answered.response = texts_.push(response);
    answered.size = response.size();
    answered.deliveries = std::move(deliveries);
    answered.fate = fate;
    bytes_ += response.size();
    while (bytes_ > most_bytes_) drop_oldest_text();
    if (order_.size() > most_ids_) forget_oldest();
  }

  /// Null if the request is not remembered. Good until the next call of a member that is not const.
  const Answered* find(const RequestId& id) const {
    const auto found = by_hash_.find(id.hash());
    return found == by_hash_.end() || found->second->id != id ? nullptr : found->second;
  }

  /// Whether a request that was answered no longer ago than this may have been forgotten.
  bool may_have_forgotten_within(Clock::duration window) const {
    return forgotten_until_ && time_ - *forgotten_until_ <= window;
  }

 private:
  static constexpr std::chrono::milliseconds longest_step{100};

  void drop_oldest_text() {
    Answered& oldest = order_.at(without_text_++);
    bytes_ -= oldest.response->size();
    oldest.response.reset();
    texts_.pop();
  }

  void forget_oldest() {
    if (without_text_ == 0) drop_oldest_text();
    --without_text_;
    forgotten_until_ = order_.front().at;
    by_hash_.erase(order_.front().id.hash());
    order_.pop_front();
  }

  std::size_t most_ids_;
  std::size_t most_bytes_;
  std::size_t bytes_ = 0;  // of the responses
  std::deque<Answered> order_;
  // By hash, so that nothing of the old ones need be read again, which are far away in memory.
  boost::unordered_flat_map<std::size_t, Answered*> by_hash_;
  TextFifo texts_;
  std::size_t without_text_ = 0;  // at the front of the order
  std::optional<Clock::duration> forgotten_until_;
  std::optional<TimePoint> last_time_;
  Clock::duration time_{};
};

}  // namespace mesh::core
