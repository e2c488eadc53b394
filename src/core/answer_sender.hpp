#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <mesh/log.hpp>
#include <mesh/node.hpp>

#include <async/alarm.hpp>
#include <async/strand.hpp>
#include <core/answer.hpp>
#include <core/counters.hpp>
#include <core/deadline_map.hpp>
#include <core/keys.hpp>
#include <redis/client.hpp>
#include <util/lazy_random.hpp>
#include <util/rate_limited_log.hpp>

namespace mesh::core {

/// Publishes answers. A response that reached nobody is published again while it is of use; one
/// that may have been lost with a connection only to nodes that cope with repetitions. All members
/// must be called on the strand.
class AnswerSender : public std::enable_shared_from_this<AnswerSender> {
 public:
  struct Context {
    Strand strand;
    std::shared_ptr<redis::Client> commands;
    Keys keys;
    std::size_t most_bytes = 0;  ///< Of responses that wait to be published again.
    LogSink log;
    std::function<void()> on_idle{};  ///< Called whenever the last response has been settled.
  };

  AnswerSender(Context context, Counters& counters);
  AnswerSender(const AnswerSender&) = delete;
  AnswerSender& operator=(const AnswerSender&) = delete;

  void send(InstanceId target, const Answer& answer);
  /// Whether every response has been received, or given up.
  bool is_idle() const { return unsettled_ == 0; }
  /// Forgets what is not settled.
  void clear();

 private:
  struct Response {
    InstanceId target = 0;
    std::shared_ptr<const std::string> message{};
    TimePoint deadline{};
    bool may_have_arrived = false;
    int attempts = 0;
    std::size_t run = 0;
  };

  void publish(const Response& response);
  void on_published(Response response, const redis::Outcome& outcome);
  void try_later(Response response);
  void try_due();
  void lose(const std::string& reason);
  void settle();

  Context context_;
  Counters& counters_;
  RateLimitedLog log_;
  std::string channel_;  // memory for the name of a node's channel
  std::uint64_t next_ = 0;
  DeadlineMap<std::uint64_t, Response> waiting_;  // by a number of their own; when to try again
  std::size_t waiting_bytes_ = 0;
  std::size_t unsettled_ = 0;
  std::size_t run_ = 0;  // counts the calls of `clear()`
  LazyRandom random_;
  Alarm alarm_;
};

}  // namespace mesh::core
