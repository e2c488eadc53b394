#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include <boost/intrusive/set.hpp>
#include <boost/unordered/unordered_flat_map.hpp>

#include <async/strand.hpp>
#include <util/request_id.hpp>
#include <wire/messages.hpp>

namespace mesh::core {

/// A request that waits for its turn, whose caller is sent heartbeats meanwhile.
struct WaitingRequest {
  wire::Request request{};
  std::chrono::milliseconds timeout{0};
  TimePoint arrived_at{};
  TimePoint heard_at{};  ///< When its caller was last sent a sign of life that left.
  TimePoint next_heartbeat{};
  std::optional<TimePoint> ends_at{};  ///< The caller's deadline.
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
  WaitingRequests(const WaitingRequests&) = delete;
  WaitingRequests& operator=(const WaitingRequests&) = delete;

  bool has_room_for(const wire::Request& request) const;
  /// The id must be new.
  void push(WaitingRequest waiting);
  WaitingRequest* find(const RequestId& id);
  /// It gives its room to others.
  void remove(const RequestId& id);

  /// The one whose turn it is.
  std::optional<WaitingRequest> pop();
  /// The first one, if it has waited for longer than it may.
  std::optional<WaitingRequest> pop_overdue(TimePoint now);
  /// One whose caller has to hear of it now; good until the next call. Sets its next heartbeat.
  WaitingRequest* take_due_heartbeat(TimePoint now);
  std::optional<TimePoint> next_event() const;

  /// Takes all out, in their order.
  std::vector<WaitingRequest> drain();

  bool empty() const { return by_id_.empty(); }
  std::size_t size() const { return by_id_.size(); }

 private:
  struct Slot : boost::intrusive::set_base_hook<
                    boost::intrusive::link_mode<boost::intrusive::normal_link>> {
    Slot(WaitingRequest&& waiting_, TimePoint overdue_at_)
        : waiting(std::move(waiting_)), overdue_at(overdue_at_) {}

    WaitingRequest waiting;
    TimePoint overdue_at;
    bool is_removed = false;
  };
  struct Earlier {
    bool operator()(const Slot& left, const Slot& right) const {
      return left.waiting.next_heartbeat < right.waiting.next_heartbeat;
    }
  };

  void take_out(Slot& slot);
  void drop_removed();

  Limits limits_;
  std::deque<Slot> order_;  // never begins with one that is removed
  boost::intrusive::multiset<Slot, boost::intrusive::compare<Earlier>> by_heartbeat_;
  // The slots of others, which are far away in memory, need not be read to find one.
  boost::unordered_flat_map<RequestId, Slot*, std::hash<RequestId>> by_id_;
  std::size_t bytes_ = 0;
};

}  // namespace mesh::core
