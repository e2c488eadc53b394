#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include <async/event.hpp>
#include <async/strand.hpp>
#include <redis/channel_kind.hpp>
#include <redis/command.hpp>
#include <redis/connection.hpp>
#include <redis/endpoint.hpp>
#include <redis/held_messages.hpp>
#include <redis/tls.hpp>

namespace mesh::redis {

/// A `Connection` for coroutines: what it reports by callback can be waited for here. All members
/// must be called on the strand.
class Link : public std::enable_shared_from_this<Link> {
 public:
  using MessageCallback = std::function<void(std::string_view channel, std::string_view payload)>;

  using OversizedCallback = std::function<void(const OversizedMessage& message)>;

  /// Begins to connect, with TLS if `tls` has a context. All its channels are of this kind.
  static std::shared_ptr<Link> open(const Strand& strand, const Endpoint& address, const Tls& tls,
                                    ChannelKind kind);

  Link(const Strand& strand, const Endpoint& address, ChannelKind kind);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Throws `MeshConnectionError` if it fails or the deadline passes.
  asio::awaitable<void> wait_connected(TimePoint deadline);
  /// The reply, possibly an error reply. Throws `MeshConnectionError`.
  asio::awaitable<Reply> request(Command command, TimePoint deadline);
  /// Returns when Redis has confirmed. Throws `MeshConnectionError`.
  asio::awaitable<void> subscribe(std::string channel, TimePoint deadline);
  void unsubscribe(const std::string& channel);
  /// What comes on the channel waits until it is released, and is forgotten if it is dropped or the
  /// link closes. Where more than so many bytes would wait, it closes. Messages that are too large
  /// do not wait.
  void hold_messages(std::string channel, std::size_t most_bytes);
  void release_messages(std::string_view channel);
  void drop_messages(std::string_view channel) { held_.drop(channel); }
  /// Whether its server is known to count its subscriptions where messages are published.
  bool counts() const { return counts_; }
  void note_that_it_counts() { counts_ = true; }
  /// True if it closed before the time.
  asio::awaitable<bool> wait_closed_until(TimePoint time);

  void set_message_callback(MessageCallback callback) { on_message_ = std::move(callback); }
  /// For messages larger than `largest`, which are passed over.
  void set_oversized_callback(std::size_t largest, OversizedCallback callback);
  /// Hears of error replies, before the callbacks of their commands.
  void set_error_reply_callback(std::function<void(const Reply& reply)> callback) {
    on_error_reply_ = std::move(callback);
  }
  /// Is called before bytes are written, except while there are enough to write some of them before
  /// the turn is over.
  void set_before_write_callback(std::function<void()> callback) {
    before_write_ = std::move(callback);
  }
  /// Hears when bytes were handed to the system.
  void set_written_callback(std::function<void()> callback) { on_written_ = std::move(callback); }
  Connection& connection() { return *connection_; }
  const Endpoint& address() const { return address_; }
  /// Why it closed; nothing while it is open.
  const std::optional<std::string>& closed() const { return closed_; }
  /// The last error reply; nothing if there was none.
  const std::optional<Reply>& last_error() const { return last_error_; }
  void close(std::string cause);

 private:
  void begin(const Tls& tls);
  void take_message(std::string_view channel, std::string_view payload);
  void mark_closed(std::string cause);
  [[noreturn]] void fail(const std::string& cause) const;
  /// False when the deadline passes before `condition` holds. Throws if the connection closes.
  template <typename Condition>
  asio::awaitable<bool> wait(Condition condition, TimePoint deadline);

  Strand strand_;
  Endpoint address_;
  ChannelKind kind_;
  Event changed_;
  MessageCallback on_message_;
  OversizedCallback on_oversized_;
  std::function<void(const Reply& reply)> on_error_reply_;
  std::function<void()> before_write_;
  std::function<void()> on_written_;
  std::shared_ptr<Connection> connection_;
  std::set<std::string, std::less<>> confirmed_;  // channels
  HeldMessages held_;
  bool counts_ = false;
  bool connected_ = false;
  std::optional<std::string> closed_;
  std::optional<Reply> last_error_;
};

}  // namespace mesh::redis
