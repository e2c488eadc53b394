#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include <mesh/node.hpp>

#include <async/strand.hpp>
#include <core/deadline_map.hpp>
#include <core/outgoing_response.hpp>

namespace mesh::core {

/// Responses whose callers do not listen, by caller; bounded in bytes and in the time that each
/// may wait. Time is passed in.
class ParkedResponses {
 public:
  struct Limits {
    std::size_t bytes = 0;  ///< With what each takes besides its text.
    Clock::duration time{};
  };

  explicit ParkedResponses(Limits limits) : limits_(limits) {}

  /// In bytes.
  static std::size_t size_of(const OutgoingResponse& response);
  bool has_room_for(const OutgoingResponse& response) const;
  /// If it is the only one of its caller, that is to be asked about at `ask_at`.
  void add(OutgoingResponse response, TimePoint now, TimePoint ask_at);

  /// A caller that is to be asked about now; not again before `ask_again()`.
  std::optional<InstanceId> take_due(TimePoint now);
  void ask_again(InstanceId caller, TimePoint at);
  std::optional<TimePoint> next_due() const;
  /// The oldest one of this caller; null if there is none.
  OutgoingResponse* first(InstanceId caller);
  /// The oldest ones of this caller, at most so many.
  std::vector<OutgoingResponse> take(InstanceId caller, std::size_t most);
  /// Those of this caller for which it is too late.
  std::vector<OutgoingResponse> take_expired(InstanceId caller, TimePoint now);
  void clear();

 private:
  using Queue = std::deque<OutgoingResponse>;

  void forget_if_empty(InstanceId caller, const Queue& queue);
  void note_taken(const OutgoingResponse& response);

  Limits limits_;
  DeadlineMap<InstanceId, Queue> callers_;  // the deadline is when to ask
  std::size_t bytes_ = 0;
};

}  // namespace mesh::core
