#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>
#include <mesh/stats.hpp>

#include <introspection/latency_buckets.hpp>
#include <util/strand_counter.hpp>

namespace mesh::introspection {

/// A `LatencyHistogram` while it is recorded, on the strand; readable from any thread.
class LatencyRecorder {
 public:
  void record(std::chrono::nanoseconds duration) {
    const auto latency = clamp_latency(duration);
    ++counts_[bucket_of(latency)];
    sum_.add(static_cast<std::uint64_t>(in_microseconds(latency).count()));
    const auto value = static_cast<std::uint64_t>(latency.count());
    if (value > max_) max_.add(value - max_);
  }
  LatencyHistogram snapshot() const;

 private:
  std::array<StrandCounter, bucket_count> counts_;
  StrandCounter sum_;  // in microseconds
  StrandCounter max_;  // in nanoseconds
};

enum class CallEnding {
  succeeded,
  timed_out,
  unreachable,
  refused,
  handler_failed,
  other_error,
  cancelled
};
enum class HandlerEnding { succeeded, failed, refused, cancelled };

/// What became of a call that ended in this error, unless it was cancelled; null: it succeeded.
CallEnding ending_of(const std::exception_ptr& error);

/// Whether the time that it took counts for the latency.
constexpr bool has_latency(CallEnding ending) {
  return ending == CallEnding::succeeded || ending == CallEnding::timed_out ||
         ending == CallEnding::handler_failed;
}
constexpr bool has_latency(HandlerEnding ending) {
  return ending == HandlerEnding::succeeded || ending == HandlerEnding::failed;
}

/// Figures of a bounded number of message types, counted on the strand; readable from any thread.
/// `Ending` has `Endings` values, from 0 on.
template <typename Ending, std::size_t Endings>
class FiguresByType {
 public:
  static constexpr std::size_t most_types = 256;
  static constexpr std::size_t longest_name = 256;

  struct Figures {
    explicit Figures(std::string_view type_) : type(type_) {}
    std::uint64_t ended(Ending ending) const { return by_ending[static_cast<std::size_t>(ending)]; }

    std::string type;
    std::array<StrandCounter, Endings> by_ending;
    LatencyRecorder latency;
  };

  /// `duration()` is called if it counts.
  template <typename Duration>
  void note(std::string_view type, Ending ending, Duration duration) {
    Figures& figures = figures_of(type);
    ++figures.by_ending[static_cast<std::size_t>(ending)];
    if (has_latency(ending)) figures.latency.record(duration());
  }

  /// Of all types so far, which stay where they are. From any thread.
  std::vector<const Figures*> all() const {
    const std::lock_guard lock(mutex_);
    return {all_.begin(), all_.end()};
  }

 private:
  static constexpr std::size_t recent_places = 64;

  // To hash a whole name would cost more than all else.
  static std::size_t place_of(std::string_view type) {
    if (type.empty()) return 0;
    const auto byte_at = [type](std::size_t place) {
      return static_cast<unsigned char>(type[place]);
    };
    return (type.size() + 5U * byte_at(0) + 3U * byte_at(type.size() / 2) +
            byte_at(type.size() - 1)) %
           recent_places;
  }

  Figures& figures_of(std::string_view type) {
    Figures*& recent = recent_[place_of(type)];
    if (recent == nullptr || recent->type != type) recent = &find_or_add(type);
    return *recent;
  }

  Figures& find_or_add(std::string_view type) {
    if (const auto found = by_type_.find(type); found != by_type_.end()) return *found->second;
    if (type.size() > longest_name || (all_.size() >= most_types && !type.empty())) {
      return find_or_add({});
    }
    auto figures = std::make_unique<Figures>(type);
    Figures& added = *figures;
    by_type_.emplace(added.type, std::move(figures));
    const std::lock_guard lock(mutex_);
    all_.push_back(&added);
    return added;
  }

  // The hash of Boost takes the text byte by byte.
  boost::unordered_flat_map<std::string_view, std::unique_ptr<Figures>, std::hash<std::string_view>>
      by_type_;
  std::array<Figures*, recent_places> recent_{};
  mutable std::mutex mutex_;  // of `all_`, which is read from any thread
  std::vector<Figures*> all_;
};

using CallFigures = FiguresByType<CallEnding, 7>;
using HandlerFigures = FiguresByType<HandlerEnding, 4>;

std::map<std::string, CallTypeStats> snapshot(const CallFigures& figures);
std::map<std::string, HandlerTypeStats> snapshot(const HandlerFigures& figures);

}  // namespace mesh::introspection
