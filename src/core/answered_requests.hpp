#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include <async/strand.hpp>

namespace mesh::core {

/// Remembers the last requests that were answered, so that none runs twice, and the last answers,
/// so that a repeated request gets the same one.
///
/// Time is passed in, and counts only as far as it was seen to pass: if the process was frozen, or
/// its thread blocked, what came meanwhile waited as long as that, and is judged as if it had not.
class AnsweredRequests {
 public:
  using Text = std::shared_ptr<const std::string>;

  AnsweredRequests(std::size_t most_ids, std::size_t most_bytes)
      : most_ids_(most_ids), most_bytes_(most_bytes) {}

  void note_time(TimePoint now) {
    const Clock::duration step = last_time_ ? now - *last_time_ : Clock::duration::zero();
    time_ += std::min<Clock::duration>(step, longest_step);
    last_time_ = now;
  }

  void add(std::string id, Text response) {
    const std::size_t size = response->size();
    const auto [entry, added] = responses_.try_emplace(std::move(id), std::move(response));
    if (!added) return;
    order_.push_back(Answered{&entry->first, time_});
    bytes_ += size;
    while (bytes_ > most_bytes_) drop_oldest_text();
    if (order_.size() > most_ids_) forget_oldest();
  }

  /// Null if the request is not remembered. The text is null if only the id still is.
  const Text* find(const std::string& id) const {
    const auto found = responses_.find(id);
    return found == responses_.end() ? nullptr : &found->second;
  }

  /// Whether a request that was answered no longer ago than this may have been forgotten.
  bool may_have_forgotten_within(Clock::duration window) const {
    return forgotten_until_ && time_ - *forgotten_until_ <= window;
  }

 private:
  struct Answered {
    const std::string* id = nullptr;
    Clock::duration at{};
  };

  static constexpr std::chrono::milliseconds longest_step{100};

  void drop_oldest_text() {
    Text& text = responses_.find(*order_.at(without_text_++).id)->second;
    bytes_ -= text->size();
    text.reset();
  }

  void forget_oldest() {
    if (without_text_ == 0) drop_oldest_text();
    --without_text_;
    forgotten_until_ = order_.front().at;
    responses_.erase(responses_.find(*order_.front().id));
    order_.pop_front();
  }

  std::size_t most_ids_;
  std::size_t most_bytes_;
  std::size_t bytes_ = 0;  // of the texts
  std::unordered_map<std::string, Text> responses_;
  std::deque<Answered> order_;
  std::size_t without_text_ = 0;  // at the front of the order
  std::optional<Clock::duration> forgotten_until_;
  std::optional<TimePoint> last_time_;
  Clock::duration time_{};
};

}  // namespace mesh::core
