#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include <async/strand.hpp>
#include <core/deadline_map.hpp>
#include <util/request_id.hpp>
#include <wire/codec.hpp>

namespace mesh::core {

/// A request that waits for its turn, whose caller is sent heartbeats meanwhile.
struct WaitingRequest {
  wire::Request request{};
  std::chrono::milliseconds timeout{0};
  TimePoint arrived_at{};
  TimePoint heard_at{};  ///< When its caller was last sent a sign of life that left.
  TimePoint next_heartbeat{};
};

/// Requests in the order of their arrival, bounded in number, bytes, and the time that each may
/// wait. No operation takes longer the more of them wait. Time is passed in.
class WaitingRequests {
 public:
  struct Limits {
    std::size_t requests = 0;
    std::size_t bytes = 0;
    Clock::duration time{};
  };

  explicit WaitingRequests(Limits limits) : limits_(limits) {}

  bool has_room_for(const wire::Request& request) const;
  /// The id must be new.
  void push(WaitingRequest waiting);
  WaitingRequest* find(const RequestId& id) { return requests_.find(id); }

  /// The one whose turn it is.
  std::optional<WaitingRequest> pop();
  /// The first one, if it has waited for longer than it may.
  std::optional<WaitingRequest> pop_overdue(TimePoint now);
  /// One whose caller has to hear of it now; good until the next call. Sets its next heartbeat.
  WaitingRequest* take_due_heartbeat(TimePoint now);
  std::optional<TimePoint> next_event() const;

  /// Takes all out, in their order.
  std::vector<WaitingRequest> drain();

  bool empty() const { return order_.empty(); }
  std::size_t size() const { return order_.size(); }

 private:
  struct Place {
    RequestId id;
    TimePoint overdue_at{};
  };

  Limits limits_;
  DeadlineMap<RequestId, WaitingRequest> requests_;  // the deadline is that of the next heartbeat
  std::deque<Place> order_;
  std::size_t bytes_ = 0;
};

}  // namespace mesh::core
