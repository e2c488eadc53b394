#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <mesh/log.hpp>
#include <mesh/node.hpp>

#include <async/alarm.hpp>
#include <async/strand.hpp>
#include <core/answer.hpp>
#include <core/counters.hpp>
#include <core/node_channels.hpp>
#include <core/packer.hpp>
#include <core/parked_responses.hpp>
#include <core/return_window.hpp>
#include <util/lazy_random.hpp>
#include <util/rate_limited_log.hpp>

namespace mesh::core {

/// Publishes answers. A response that reached nobody waits until its caller listens, while it is of
/// use and the caller is registered, but no longer than a minute; one that may have been lost with
/// a connection is published again only to nodes that cope with repetitions. All members must be
/// called on the strand.
class AnswerSender : public std::enable_shared_from_this<AnswerSender> {
 public:
  struct Context {
    Strand strand;
    std::shared_ptr<NodeChannels> channels;
    std::shared_ptr<Packer> packer;
    std::size_t most_bytes = 0;  ///< Of responses that wait for their callers.
    LogSink log;
    std::function<void()> on_idle{};  ///< Called whenever the last response has been settled.
    /// After a reconnect of ours, for how long callers may still be on their way back.
    Clock::duration return_time{};
  };

  AnswerSender(Context context, Counters& counters);
  AnswerSender(const AnswerSender&) = delete;
  AnswerSender& operator=(const AnswerSender&) = delete;

  void send(InstanceId target, Answer&& answer);
  void on_published(OutgoingResponse&& response, const redis::Outcome& outcome);
  /// A connection was made anew: Redis may have lost the registrations of the callers.
  void on_reconnected() { others_return_.open(Clock::now()); }
  /// Whether every response has been received, or given up.
  bool is_idle() const { return unsettled_ == 0; }
  /// Forgets what is not settled.
  void clear();

 private:
  void publish(OutgoingResponse&& response);
  void publish_again(OutgoingResponse&& response);
  void on_not_received(OutgoingResponse response, const redis::Outcome& outcome);
  void refuse_size(OutgoingResponse response);
  void note_others(InstanceId caller);
  void try_later(OutgoingResponse response, bool was_counted = false);
  void ask_due();
  void ask(InstanceId caller);
  void on_listeners(InstanceId caller, const NodeChannels::Answer& answer);
  void ask_later(InstanceId caller);
  void release(InstanceId caller);
  void lose_expired(InstanceId caller);
  void lose_late(const OutgoingResponse& response);
  void lose(const std::string& reason);
  void settle();

  Context context_;
  Counters& counters_;
  RateLimitedLog log_;
  ParkedResponses parked_;
  std::size_t unsettled_ = 0;
  std::uint32_t session_ = 0;  // counts the calls of `clear()`
  std::int64_t others_ = 0;    // how many besides nodes PUBLISH counts
  TimePoint others_noted_at_{};
  TimePoint newest_made_at_{};  // of the answers
  ReturnWindow others_return_;
  LazyRandom random_;
  Alarm alarm_;
};

}  // namespace mesh::core
