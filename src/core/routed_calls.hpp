#pragma once

#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include <mesh/detail/core_handle.hpp>
#include <mesh/node.hpp>
#include <mesh/options.hpp>

#include <async/strand.hpp>
#include <core/call_sender.hpp>
#include <core/counters.hpp>
#include <core/gathering.hpp>
#include <core/outbox.hpp>
#include <core/pending_calls.hpp>
#include <core/routed_call.hpp>
#include <routing/router.hpp>
#include <util/request_id.hpp>
#include <view/local_view.hpp>

namespace mesh::core {

/// Calls for which the library chooses the node. Those that come before it is known who is there,
/// and those that wait for a node, are pending calls without a target. One that has failed goes on
/// with another node where its handler has certainly not run. All members must be called on the
/// strand.
class RoutedCalls {
 public:
  struct Context {
    std::shared_ptr<view::LocalView> view;
    std::shared_ptr<CallSender> calls;
    /// How long a node that was silent is passed over.
    std::chrono::milliseconds silence_counts_for{0};
    MeshLimits limits;
    /// Has the view kept from now on.
    std::function<void()> want_view;
  };

  RoutedCalls(Context context, const std::atomic<InstanceId>& own_id, PendingCalls& pending,
              Outbox& outbox, Counters& counters);
  RoutedCalls(const RoutedCalls&) = delete;
  RoutedCalls& operator=(const RoutedCalls&) = delete;

  /// Begins a call; the completion is called exactly once. `control` may be null.
  void begin(detail::OutgoingCall&& call, detail::CallCompletion&& completion,
             const std::shared_ptr<CallControl>& control);
  /// Begins a call to each node that serves it, or has it begun later. If it is known who is there,
  /// that is before this returns.
  void begin_all(detail::OutgoingCall&& call, const std::shared_ptr<Gathering>& gathering);
  /// It is known who is there, or it has changed.
  void on_view_updated();
  /// As `PendingCalls::set_failed_callback()` says.
  bool on_failed(PendingCall& call, const std::exception_ptr& error);
  /// Whether the call, which has not reached its node, may go on with another one at once.
  bool may_go_elsewhere(const PendingCall& call);
  /// Why it is not known who is there, or nobody was found.
  std::exception_ptr why_not_sent(std::string_view type) const;
  /// Null if it is known who is there, or there is no reason why it is not.
  std::exception_ptr why_not_known() const;
  /// Forgets what has not begun.
  void clear();

 private:
  struct ParkedGathering {
    detail::OutgoingCall call;
    std::shared_ptr<Gathering> gathering;
  };

  void park(const RequestId& request_id);
  void park(detail::OutgoingCall&& call, const std::shared_ptr<Gathering>& gathering);
  void begin_one_of_all(const detail::OutgoingCall& call, const routing::ServerPointer& server,
                        const std::shared_ptr<Gathering>& gathering);
  routing::Router::Wish wish_of(std::string_view type, const detail::Routing& routing) const;
  const routing::ServerPointer* choose(std::string_view type, const RoutedCall& routed);
  std::exception_ptr no_node_error(std::string_view type) const;
  void go_on(PendingCall&& call, InstanceId target);
  bool has_found_a_node(const RequestId& request_id);
  void note_silence(const RoutedCall& routed, std::chrono::milliseconds duration) const;

  Context context_;
  const std::atomic<InstanceId>& own_id_;
  PendingCalls& pending_;
  Outbox& outbox_;
  Counters& counters_;
  routing::Router router_;
  std::vector<RequestId> parked_;
  std::vector<ParkedGathering> parked_gatherings_;
};

}  // namespace mesh::core
