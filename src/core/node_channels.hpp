#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <mesh/node.hpp>

#include <async/strand.hpp>
#include <redis/command.hpp>

namespace mesh::core {

/// Who gets what is published for a node.
struct Listeners {
  std::int64_t own = 0;     ///< The node itself, if it is subscribed.
  std::int64_t others = 0;  ///< Subscribers of a pattern, whom PUBLISH counts as well.
  std::optional<std::int64_t> heartbeat{};  ///< Its last one, in ms; nothing: not registered.
};

/// The time of a node's last heartbeat from its score in Redis; nothing if it is not registered.
std::optional<std::int64_t> parse_heartbeat(const redis::Reply& score);

/// Whether somebody has received what was published.
inline bool is_received(const redis::Outcome& outcome) {
  return outcome.failure == redis::Failure::none && outcome.reply.integer > 0;
}

/// Where messages to nodes are published, and who hears them: the one thing that differs between a
/// single Redis and a cluster. The reply to what is published is the number of receivers. All
/// members must be called on the strand.
class NodeChannels {
 public:
  /// What a question about listeners came to.
  struct Answer {
    redis::Failure failure = redis::Failure::none;
    std::optional<Listeners> found{};  ///< Nothing if Redis did not tell.
    std::string refusal{};             ///< Its words if it refused to.
  };
  using OnListeners = std::function<void(const Answer& answer)>;

  explicit NodeChannels(bool is_spread) : is_spread_(is_spread) {}
  NodeChannels(const NodeChannels&) = delete;
  NodeChannels& operator=(const NodeChannels&) = delete;
  virtual ~NodeChannels() = default;

  /// Whether channels and keys are on different servers, so that no script sees both. Then
  /// - a request is first sent when the owner of its target's id is known, as the answer to a
  ///   question that was sent before need not speak of the node that gets the request,
  /// - a message of which nobody hears what became of it leaves by `publish_hint()`, rather than
  ///   with others in a frame,
  /// - 0 receivers mean that there were none only if `ask_after_zero()` says so,
  /// - there are no patterns, so that only the node itself is ever counted.
  bool is_spread() const { return is_spread_; }

  /// As of `redis::Client`, of the connection that messages to the node leave by.
  virtual bool can_send(InstanceId target) = 0;
  virtual std::exception_ptr not_sent_error(InstanceId target) = 0;
  virtual std::exception_ptr too_large_error(InstanceId target, std::size_t size) = 0;
  virtual bool can_publish_at_once(InstanceId target, std::size_t size) = 0;
  virtual void want_write(InstanceId target) = 0;
  virtual void publish(InstanceId target, std::string_view message, TimePoint deadline,
                       redis::OutcomeCallback&& callback, std::size_t messages) = 0;

  /// Nobody hears what becomes of it.
  virtual void publish_hint(InstanceId target, std::string_view message, TimePoint deadline);

  /// Publishes what may have arrived before, provided that the target copes with repetitions, and
  /// is this owner; an empty one stands for any. The reply is the number of receivers, 0 if the
  /// target does not listen, -1 if nobody owns its id, -2 if it is another owner.
  virtual void publish_again(InstanceId target, std::string_view message, std::string_view owner,
                             TimePoint deadline, redis::OutcomeCallback&& callback) = 0;
  /// The same for what has certainly not arrived, and so is no repetition to any node.
  virtual void publish_to_listener(InstanceId target, std::string_view message, TimePoint deadline,
                                   redis::OutcomeCallback&& callback) = 0;

  /// Nothing is found if Redis does not tell by the deadline.
  virtual void ask_listeners(InstanceId target, TimePoint deadline, OnListeners on_listeners) = 0;
  /// The same where a message that was published at `sent_at` seems to have been received by
  /// nobody: found only if that is certain.
  virtual void ask_after_zero(InstanceId target, TimePoint /*sent_at*/, TimePoint deadline,
                              OnListeners on_listeners) {
    ask_listeners(target, deadline, std::move(on_listeners));
  }

 private:
  bool is_spread_;  // each message asks
};

/// `NodeChannels::ask_listeners()` for coroutines. The channels must outlive the operation.
asio::awaitable<NodeChannels::Answer> wait_for_listeners(NodeChannels& channels, Strand strand,
                                                         InstanceId target, TimePoint deadline);

}  // namespace mesh::core
