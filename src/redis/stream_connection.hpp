#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <redis/connection.hpp>
#include <redis/conversation.hpp>
#include <redis/socket.hpp>
#include <redis/stranger.hpp>
#include <util/flag_raised.hpp>

namespace mesh::redis {

/// What connections have in common whatever their stream: connecting, reading, gathered writing
/// and closing.
///
/// The I/O is Asio's, and hiredis only reads replies: its own asynchronous interface has no TLS
/// (0.14) or another one (1.x), and aborts the process on replies that nobody asked for.
template <typename Stream>
class StreamConnection : public Connection,
                         public std::enable_shared_from_this<StreamConnection<Stream>> {
 public:
  StreamConnection(Strand strand, Stream stream, const Callbacks& callbacks, ChannelKind kind)
      : strand_(std::move(strand)),
        stream_(std::move(stream)),
        next_try_(strand_),
        callbacks_(callbacks),
        conversation_(callbacks, kind) {}

  void start(const Endpoint& endpoint);

  bool is_open() const override { return is_open_; }
  TimePoint last_read() const override { return last_read_; }
  std::string timeout_cause() const override { return "no connection in time"; }

  Outgoing outgoing() override;
  std::size_t unwritten_bytes() const override {
    return rest_.size() + conversation_.output().size();
  }
  std::size_t unanswered_bytes() const override { return conversation_.unanswered_bytes(); }
  std::size_t suspect_size() const override { return conversation_.suspect_size(); }

  void command(const Command& command, OutcomeCallback&& callback) override;
  void publish(std::string_view channel, std::string_view message, OutcomeCallback&& callback,
               std::size_t messages) override;
  void subscribe(const std::string& channel) override;
  void unsubscribe(const std::string& channel) override;
  void ping() override;
  void want_write() override;
  void set_largest_message(std::size_t size) override { conversation_.set_largest_message(size); }
  void close() override;

 protected:
  /// Called when the socket is connected; calls `become_ready()` in the end.
  virtual void shake_hands() = 0;
  /// Writes what can be written without waiting, and returns how much that is.
  virtual std::size_t write_at_once(asio::const_buffer /*bytes*/) { return 0; }
  virtual std::string describe(const boost::system::error_code& error) {
    if (error == asio::error::eof) return "Server closed the connection";
    return error.message();
  }

  void become_ready();
  void fail(std::string cause);
  bool is_ready() const { return is_ready_; }
  Stream& stream() { return stream_; }

 private:
  static constexpr std::size_t least_read_size = std::size_t{4} << 10U;
  static constexpr std::size_t largest_read_size = std::size_t{256} << 10U;
  static constexpr std::size_t largest_kept_size = std::size_t{256} << 10U;

  static StreamProtocol::endpoint to_generic(const Endpoint& endpoint);
  void connect_unix(const StreamProtocol::endpoint& address);
  void handle_connected(const boost::system::error_code& failure, bool is_tcp);
  void read();
  void handle_read(std::size_t size);
  void want_write_of(std::size_t commands);
  bool has_much_to_write() const;
  void flush();
  void gather();
  void write();
  void report_written();
  void forget_sent();
  void write_rest();
  void handle_written(const boost::system::error_code& error, std::size_t size);
  void shut(bool was_lost);

  Strand strand_;
  Stream stream_;
  asio::steady_timer next_try_;  // to connect
  std::string peer_;
  Callbacks callbacks_;
  Conversation conversation_;
  std::vector<char> received_ = std::vector<char>(least_read_size);
  std::string sending_;
  asio::const_buffer rest_;  // of it, to be written
  std::uint64_t written_ = 0;
  TimePoint last_read_ = Clock::now();
  bool is_open_ = true;
  bool is_silenced_ = false;
  bool is_ready_ = false;
  const pid_t process_ = getpid();  // a child that was forked has a copy of all this
  bool is_writing_ = false;
  bool is_flush_posted_ = false;
  bool is_gathering_ = false;
  std::size_t unwritten_commands_ = 0;
};

template <typename Stream>
StreamProtocol::endpoint StreamConnection<Stream>::to_generic(const Endpoint& endpoint) {
  if (endpoint.is_unix()) return asio::local::stream_protocol::endpoint(endpoint.unix_socket);
  return asio::ip::tcp::endpoint(asio::ip::make_address(endpoint.host), endpoint.port);
}

template <typename Stream>
void StreamConnection<Stream>::start(const Endpoint& endpoint) {
  peer_ = to_string(endpoint);
  StreamProtocol::endpoint address;
  try {
    address = to_generic(endpoint);
  } catch (const std::exception& error) {  // such as a path that is too long
    fail(error.what());
    return;
  }
  if (const auto failure = open_socket(stream_.lowest_layer(), address.protocol())) {
    fail(failure.message());
    return;
  }
  if (endpoint.is_unix()) return connect_unix(address);
  stream_.lowest_layer().async_connect(
      address, [self = this->shared_from_this()](const boost::system::error_code& failure) {
        self->handle_connected(failure, true);
      });
}

// Until it is closed: the system tells nobody when there is room for another connection.
template <typename Stream>
void StreamConnection<Stream>::connect_unix(const StreamProtocol::endpoint& address) {
  constexpr std::chrono::milliseconds pause{20};
  const auto failure = connect_at_once(stream_.lowest_layer(), address);
  const bool is_full = failure == asio::error::try_again;
  next_try_.expires_after(is_full ? pause : pause * 0);
  next_try_.async_wait([self = this->shared_from_this(), address, failure,
                        is_full](const boost::system::error_code& /*cancelled*/) {
    if (!self->is_open_) return;
    if (is_full) return self->connect_unix(address);
    self->handle_connected(failure, false);
  });
}

template <typename Stream>
void StreamConnection<Stream>::handle_connected(const boost::system::error_code& failure,
                                                bool is_tcp) {
  if (!is_open_) return;
  if (failure) return fail(failure.message());
  boost::system::error_code ignored;
  if (is_tcp) stream_.lowest_layer().set_option(asio::ip::tcp::no_delay(true), ignored);
  shake_hands();
}

template <typename Stream>
void StreamConnection<Stream>::become_ready() {
  is_ready_ = true;
  last_read_ = Clock::now();
  read();
  want_write();
  if (callbacks_.on_connected) callbacks_.on_connected();
}

template <typename Stream>
void StreamConnection<Stream>::read() {
  stream_.async_read_some(asio::buffer(received_),
                          [self = this->shared_from_this()](
                              const boost::system::error_code& failure, std::size_t size) {
                            if (!self->is_open_) return;
                            if (failure) return self->fail(self->describe(failure));
                            self->handle_read(size);
                            if (self->is_open_) self->read();
                          });
}

template <typename Stream>
void StreamConnection<Stream>::handle_read(std::size_t size) {
  last_read_ = Clock::now();
  try {
    const std::string_view bytes(received_.data(), size);
    const auto cause = conversation_.receive(bytes);
    if (cause) fail(conversation_.has_heard_redis() ? *cause : describe_stranger(peer_, bytes));
  } catch (const std::exception& error) {
    fail(error.what());
  }
  // More was there than had room.
  if (size == received_.size()) received_.resize(std::min(2 * size, largest_read_size));
}

template <typename Stream>
void StreamConnection<Stream>::want_write() {
  if (!is_ready_ || is_writing_ || is_flush_posted_ || is_gathering_) return;
  is_flush_posted_ = true;
  // By way of the executor behind the strand: what else this turn dispatches to the strand comes
  // before it.
  asio::post(strand_.get_inner_executor(), [self = this->shared_from_this()] {
    asio::dispatch(self->strand_, [self] {
      self->is_flush_posted_ = false;
      self->flush();
      self->report_written();
    });
  });
}

// Enough that a system call of its own hardly counts: Redis works on it, and then the receiver,
// while the rest of this turn is still being made.
template <typename Stream>
bool StreamConnection<Stream>::has_much_to_write() const {
  constexpr std::size_t many_commands = 32;
  constexpr std::size_t many_bytes = std::size_t{64} << 10U;
  return is_ready_ &&
         (unwritten_commands_ >= many_commands || conversation_.output().size() >= many_bytes);
}

template <typename Stream>
void StreamConnection<Stream>::flush() {
  if (!is_open_ || is_writing_) return;
  gather();
  write();
}

template <typename Stream>
void StreamConnection<Stream>::gather() {
  if (is_silenced_ || !callbacks_.before_write) return;
  const FlagRaised gathering(is_gathering_);
  callbacks_.before_write();
}

template <typename Stream>
void StreamConnection<Stream>::write() {
  if (!is_open_ || is_writing_ || conversation_.output().empty()) return;
  std::swap(sending_, conversation_.output());
  unwritten_commands_ = 0;
  const std::size_t size = write_at_once(asio::buffer(sending_));
  written_ += size;
  rest_ = asio::buffer(sending_) + size;
  write_rest();
}

template <typename Stream>
void StreamConnection<Stream>::write_rest() {
  if (rest_.size() == 0) return forget_sent();
  is_writing_ = true;
  stream_.async_write_some(rest_, [self = this->shared_from_this()](
                                      const boost::system::error_code& failure, std::size_t size) {
    self->handle_written(failure, size);
  });
}

// Its memory serves for what is sent next.
template <typename Stream>
void StreamConnection<Stream>::forget_sent() {
  sending_.clear();
  rest_ = {};
  if (sending_.capacity() > largest_kept_size) std::string().swap(sending_);
}

template <typename Stream>
void StreamConnection<Stream>::handle_written(const boost::system::error_code& error,
                                              std::size_t size) {
  if (!is_open_) return;
  if (error) {
    // Where the server has hung up, what it said before is still to be read, and tells more. So
    // only writing ends here; it goes on being marked as under way.
    if (error.category() != boost::system::system_category()) fail(describe(error));
    return;
  }
  written_ += size;
  rest_ += size;
  is_writing_ = false;
  write_rest();
  if (!is_writing_) flush();
  report_written();
}

template <typename Stream>
void StreamConnection<Stream>::report_written() {
  if (is_open_ && !is_silenced_ && callbacks_.on_written) callbacks_.on_written();
}

template <typename Stream>
Outgoing StreamConnection<Stream>::outgoing() {
  if (!is_open_) return {};
  Outgoing outgoing = outgoing_of(stream_.lowest_layer().native_handle(), written_);
  outgoing.waiting += unwritten_bytes();
  return outgoing;
}

template <typename Stream>
void StreamConnection<Stream>::command(const Command& command, OutcomeCallback&& callback) {
  if (!is_open_) {
    callback(Outcome{Failure::disconnected});
    return;
  }
  conversation_.command(command, std::move(callback));
  want_write_of(1);
}

template <typename Stream>
void StreamConnection<Stream>::publish(std::string_view channel, std::string_view message,
                                       OutcomeCallback&& callback, std::size_t messages) {
  if (!is_open_) {
    callback(Outcome{Failure::disconnected});
    return;
  }
  conversation_.publish(channel, message, std::move(callback));
  want_write_of(messages);
}

template <typename Stream>
void StreamConnection<Stream>::want_write_of(std::size_t commands) {
  unwritten_commands_ += commands;
  if (has_much_to_write()) write();
  want_write();
}

template <typename Stream>
void StreamConnection<Stream>::subscribe(const std::string& channel) {
  if (!is_open_) return;
  conversation_.subscribe(channel);
  want_write();
}

template <typename Stream>
void StreamConnection<Stream>::unsubscribe(const std::string& channel) {
  if (!is_open_) return;
  conversation_.unsubscribe(channel);
  want_write();
}

template <typename Stream>
void StreamConnection<Stream>::ping() {
  if (!is_open_) return;
  conversation_.ping();
  want_write();
}

template <typename Stream>
void StreamConnection<Stream>::close() {
  is_silenced_ = true;
  shut(false);
}

template <typename Stream>
void StreamConnection<Stream>::shut(bool was_lost) {
  if (!is_open_) return;
  is_open_ = false;
  // With TLS too at once, without a goodbye: replies say themselves where they end, and the peer
  // may hang.
  // Otherwise a command that was given up could arrive long after it was sent again on another
  // connection.
  const bool discard = conversation_.has_unanswered();
  next_try_.cancel();
  if (process_ == getpid()) {
    close_socket(stream_.lowest_layer(), discard);
  } else {
    boost::system::error_code ignored;
    stream_.lowest_layer().close(ignored);  // it is still the parent's
  }
  conversation_.end(was_lost);
}

template <typename Stream>
void StreamConnection<Stream>::fail(std::string cause) {
  if (!is_open_) return;
  shut(true);
  // Posted: the owner may not have heard of this connection yet.
  asio::post(strand_, [self = this->shared_from_this(), cause = std::move(cause)] {
    if (!self->is_silenced_ && self->callbacks_.on_closed) self->callbacks_.on_closed(cause);
  });
}

}  // namespace mesh::redis
