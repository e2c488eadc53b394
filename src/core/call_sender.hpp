#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <mesh/node.hpp>

#include <async/alarm.hpp>
#include <async/strand.hpp>
#include <core/counters.hpp>
#include <core/deadline_map.hpp>
#include <core/keys.hpp>
#include <core/listener_check.hpp>
#include <core/node_channels.hpp>
#include <core/owner_lookup.hpp>
#include <core/packer.hpp>
#include <core/pending_calls.hpp>
#include <core/return_window.hpp>
#include <redis/client.hpp>
#include <util/lazy_random.hpp>

namespace mesh::core {

/// Brings the requests of pending calls to their nodes. It holds them while this node could not
/// hear the response, publishes them, and publishes them again
/// - if nobody received them while the target may be resubscribing,
/// - if only others than the target received them, who listen to a pattern,
/// - if they or their responses may have been lost with a connection, and the target is one that
///   runs no request twice (see `NodeChannels::publish_again()`).
/// All members must be called on the strand.
class CallSender : public std::enable_shared_from_this<CallSender> {
 public:
  struct Context {
    Strand strand;
    std::shared_ptr<redis::Client> commands;
    std::shared_ptr<redis::Client> own_channel;
    std::shared_ptr<NodeChannels> channels;
    std::shared_ptr<Packer> packer;
    Keys keys;
    /// Hands a message to this very node, in a later turn.
    std::function<void(std::string message)> deliver_here{};
    /// Whether a call, which has not reached its node, may go on with another one at once.
    std::function<bool(const PendingCall& call)> may_go_elsewhere{};
    /// After a reconnect of ours, for how long others may still be on their way back.
    Clock::duration return_time{};
  };

  CallSender(Context context, const std::atomic<InstanceId>& own_id, PendingCalls& calls,
             Counters& counters);
  CallSender(const CallSender&) = delete;
  CallSender& operator=(const CallSender&) = delete;

  /// Sends the request of a pending call for the first time; `message` is its text.
  void send(const RequestId& request_id, PendingCall& call, std::string_view message);
  /// Whether the connections that a call needs are there: it leaves only where its answer can be
  /// heard.
  bool can_send_to(InstanceId target) const {
    if (is_here(target)) return true;
    return context_.own_channel->is_ready() && context_.channels->can_send(target);
  }
  /// What has kept a call from being sent: a `MeshConnectionError`, or null if that was no
  /// connection.
  std::exception_ptr why_not_sent(const PendingCall& call) const;
  /// A connection is there (again): sends what was held, if both are.
  void on_ready();
  /// That to the registry, or that of the own channel, was made anew.
  void on_reconnected();
  /// A connection to another primary of a cluster was: the targets may be on their way back there.
  void on_path_renewed() { others_return_.open(Clock::now()); }
  /// Sends again what may have been lost, in portions.
  void repeat_all();
  /// The same for one call, of which nothing is heard.
  void repeat(const RequestId& request_id);
  /// Asks whether the target can have heard of the call, of which nothing is heard.
  void check(const RequestId& request_id);
  /// Sends, in a later turn, the request of a pending call that has not been sent yet.
  void send_soon(const RequestId& request_id) { try_at(request_id, Clock::now()); }
  /// Not called where its PUBLISH has reached one, as usual.
  void on_published(const RequestId& request_id, const redis::Outcome& outcome);
  /// Tells the target of a call that it was given up, if it has got the request and understands.
  void send_cancel(const RequestId& request_id, const PendingCall& call);
  /// Forgets everything.
  void clear();

 private:
  void publish_cancel(const Packer::Address& address, const RequestId& request_id);
  bool is_here(InstanceId target) const { return target == own_id_ && target != 0; }
  bool need_not_wait_for_target(const PendingCall& call) const;
  void deliver_here(PendingCall& call, std::string_view message);
  void publish(const RequestId& request_id, PendingCall& call, std::string_view message);
  void publish_to_owner(const RequestId& request_id, PendingCall& call, std::string_view message);
  void look_up_owner(const RequestId& request_id, PendingCall& call);
  void on_owner_found(const OwnerLookup::Found& found);
  /// True if Redis does not take a message of this size; then the call has failed.
  bool fail_if_too_large(const RequestId& request_id, PendingCall& call,
                         const redis::Outcome& outcome);
  void on_nobody(const RequestId& request_id, const PendingCall& call);
  void ask_after_zero(const RequestId& request_id, const PendingCall& call);
  void note_uncertain(PendingCall& call);
  void on_zero_explained(const RequestId& request_id, const NodeChannels::Answer& answer);
  void on_listeners(const RequestId& request_id, const std::optional<Listeners>& found);
  void on_unheard(const RequestId& request_id, PendingCall& call,
                  std::optional<std::int64_t> heartbeat);
  /// Whether the target, whom nothing reaches, may be on its way back.
  static bool may_return(PendingCall& call, std::optional<std::int64_t> heartbeat);
  void check_registration(const RequestId& request_id, InstanceId target);
  void publish_again(const RequestId& request_id);
  void on_published_again(const RequestId& request_id, const redis::Outcome& outcome);
  /// False if the call must not be repeated.
  bool repeat_at(const RequestId& request_id, TimePoint time);
  void try_later(const RequestId& request_id);
  void try_at(const RequestId& request_id, TimePoint time);
  void try_now(const RequestId& request_id);
  void try_due();
  void fail_unreachable(const RequestId& request_id, const PendingCall& call);
  /// Whom a request is for that may have arrived, if only the message can say so.
  std::string_view intended_owner(const PendingCall& call) const;
  std::string encode(const RequestId& request_id, const PendingCall& call) const;

  Context context_;
  const std::atomic<InstanceId>& own_id_;
  PendingCalls& calls_;
  Counters& counters_;
  std::deque<RequestId> unsent_;
  DeadlineMap<RequestId, std::monostate> retries_;  // by request id; when to try again
  Alarm alarm_;
  std::shared_ptr<OwnerLookup> owners_;
  std::shared_ptr<ListenerCheck> listeners_;
  ReturnWindow others_return_;
  LazyRandom random_;
};

}  // namespace mesh::core
