#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <mesh/detail/core_handle.hpp>
#include <mesh/node.hpp>

#include <async/alarm.hpp>
#include <async/strand.hpp>
#include <core/counters.hpp>
#include <core/deadline_map.hpp>
#include <core/node_features.hpp>
#include <core/recent_ids.hpp>
#include <core/routed_call.hpp>
#include <wire/messages.hpp>

namespace mesh::core {

/// One call that waits for its response.
struct PendingCall {
  detail::CallCompletion completion;
  InstanceId target = 0;
  std::string_view type{};
  std::chrono::milliseconds timeout{0};
  TimePoint begun_at{};  // its last attempt, where there may be several
  std::string data{};    // JSON text, as long as there is room to keep it for sending it (again)
  /// Of the target, as of the first sending. Null: it does not cope with repetitions, or is not
  /// known.
  std::shared_ptr<const Owner> owner{};
  std::size_t unsent_bytes = 0;  // as long as it was not sent
  bool has_data = false;
  bool was_sent = false;
  bool may_have_arrived = false;
  bool was_kept_here = false;   // handed to this very node
  bool is_unheard = false;      // nobody listened on the target's channel when this was last asked
  int publishes = 0;            // of its request, how often it was sent,
  int publishes_to_nobody = 0;  // and of these, as Redis said, to nobody
  int attempts = 0;
  std::int64_t receivers = 1;  // of the request, as Redis counted them
  TimePoint sent_at{};         // for the last time, in a cluster
  std::optional<TimePoint>
      unheard_since{};                   // when it was first found that the target hears nothing
  std::int64_t first_heartbeat = 0;      // the target's last one then
  int suspected_losses = 0;              // of connections, of which its size may be the cause
  TimePoint ends_at = TimePoint::max();  // its deadline in total
  TimePoint silent_until{};              // for how long nothing need be heard of it
  std::shared_ptr<const detail::CallExtras> extras{};
  std::shared_ptr<void> control{};       // for who may cancel it
  TimePoint deadline{};                  // when it times out unless something is heard of it
  TimePoint counted_from{};              // the beginning of its first attempt
  std::unique_ptr<RoutedCall> routed{};  // null if its caller chose the node

  std::string_view headers() const {
    return extras ? std::string_view(extras->headers) : std::string_view();
  }
};

/// The calls that this node has begun and that have not ended, by request id. Each ends exactly
/// once: by a response, an error, its timeout, or when all are failed. All members must be called
/// on the strand. Completions are called inside and must only post what they are about.
class PendingCalls {
 public:
  PendingCalls(const Strand& strand, Counters& counters);

  /// The id must be new. The call's timeout begins at `call.begun_at`. Returns it in its place.
  PendingCall& add(const RequestId& request_id, PendingCall&& call) {
    ++counters_.calls_sent;
    call.counted_from = call.begun_at;
    return add_again(request_id, std::move(call));
  }
  /// The same for one that was there under another id.
  PendingCall& add_again(const RequestId& request_id, PendingCall&& call);
  /// Leaves the id in place. False if there is no such call, as for all below.
  bool on_response(const wire::Response& response);
  /// Its request leaves, or is handed to a connection.
  void note_sent(PendingCall& call);
  /// The response to a call cannot be read.
  bool on_unreadable(const RequestId& request_id, const wire::Malformed& response);
  bool on_heartbeat(const RequestId& request_id, TimePoint now);
  /// It has got a target only now, whose time begins.
  void on_target_found(const RequestId& request_id, PendingCall& call, TimePoint now);
  bool fail(const RequestId& request_id, std::exception_ptr error);
  /// The same, at the wish of the caller.
  bool cancel(const RequestId& request_id, std::exception_ptr error);
  /// Whether it is one of the last calls that have ended.
  bool has_ended(const RequestId& request_id) const {
    return given_up_.contains(request_id) || answered_.contains(request_id);
  }
  PendingCall* find(const RequestId& request_id) { return calls_.find(request_id); }
  /// `on_silent` is told of each call of which nothing was heard for half a second since it began,
  /// or for half of a shorter timeout; of one that could not be sent by then a little later.
  void set_silent_callback(std::function<void(const RequestId& request_id)> on_silent) {
    on_silent_ = std::move(on_silent);
  }
  /// `on_overdue` is told of each call of which nothing was heard for so long that a heartbeat
  /// should have come, while there is still some time.
  void set_overdue_callback(std::function<void(const RequestId& request_id)> on_overdue) {
    on_overdue_ = std::move(on_overdue);
  }
  /// `on_given_up` is told of each call that was cancelled or whose deadline has passed, before it
  /// completes.
  void set_given_up_callback(
      std::function<void(const RequestId& request_id, const PendingCall& call)> on_given_up) {
    on_given_up_ = std::move(on_given_up);
  }
  /// `why` gives the error of a call whose timeout ended before it could be sent; if that is null,
  /// it is an ordinary timeout.
  void set_never_sent_callback(std::function<std::exception_ptr(const PendingCall& call)> why) {
    why_never_sent_ = std::move(why);
  }
  /// `on_failed` is told of each call that failed and for which a node was chosen, with the error.
  /// It takes over what it moves from the call and returns true if the call goes on, as another
  /// one.
  void set_failed_callback(
      std::function<bool(PendingCall& call, const std::exception_ptr& error)> on_failed) {
    on_failed_ = std::move(on_failed);
  }
  std::vector<RequestId> ids() const { return calls_.keys(); }
  /// Fails every call with `MeshStoppedError`.
  void fail_all_stopped();

  /// Destroys every call without a word to its owner.
  void drop_all();

  std::size_t size() const { return calls_.size(); }
  /// Of `PendingCall::data` and `headers` in all calls.
  std::size_t kept_bytes() const { return kept_bytes_; }

 private:
  static std::size_t kept_bytes_of(const PendingCall& call) {
    return call.data.size() + call.headers().size();
  }
  /// Which then is kept no more.
  std::string take_data(PendingCall& call);
  void expire();
  void note_silence(const RequestId& request_id, const PendingCall& call, TimePoint now);
  std::exception_ptr timeout_error(const PendingCall& call) const;
  static Clock::duration silence_of(const PendingCall& call);
  static TimePoint overdue_at(const PendingCall& call);
  static void set_heard(PendingCall& call, TimePoint now);
  bool goes_on(PendingCall& call, const std::exception_ptr& error);
  void complete(PendingCall&& call, std::exception_ptr error, std::string&& data);
  void end(PendingCall&& call, introspection::CallEnding ending, std::exception_ptr error,
           std::string&& data);
  void count(const PendingCall& call, introspection::CallEnding ending);

  Counters& counters_;
  DeadlineMap<RequestId, PendingCall> calls_;
  std::function<void(const RequestId& request_id)> on_silent_;
  std::function<void(const RequestId& request_id)> on_overdue_;
  std::function<void(const RequestId& request_id, const PendingCall& call)> on_given_up_;
  std::function<std::exception_ptr(const PendingCall& call)> why_never_sent_;
  std::function<bool(PendingCall& call, const std::exception_ptr& error)> on_failed_;
  RecentIds given_up_;  // apart, since answers to these may come much later
  RecentIds answered_;
  std::size_t kept_bytes_ = 0;
  Alarm alarm_;
};

}  // namespace mesh::core
