#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <mesh/options.hpp>

#include <support/redis_server.hpp>

namespace mesh::test::faults {

/// Stands between clients and a Redis, in a thread of its own: records what the clients send and
/// interferes when told to.
class RedisProxy {
 public:
  /// What arrived in one read.
  struct Chunk {
    std::size_t connection = 0;  ///< In the order they were accepted.
    std::string bytes;
  };

  explicit RedisProxy(const RedisServer& server);
  ~RedisProxy();
  RedisProxy(const RedisProxy&) = delete;
  RedisProxy& operator=(const RedisProxy&) = delete;

  /// Options that lead through here.
  RedisOptions options() const;
  std::uint16_t port() const { return port_; }

  /// Closes all connections, and each new one as soon as it is accepted.
  void cut();
  /// Serves new connections again.
  void restore();
  /// Closes each new connection as soon as it is accepted; those that are open are served.
  void refuse_connections();
  /// Drops every packet that a client sends, also those that would connect, and sends none: what a
  /// broken network does, which tells neither side. False if packets cannot be dropped on this
  /// machine; then the kernel still accepts them, but nobody answers.
  bool vanish();
  void reappear();
  /// Cuts the next data for a client that contain the text in the middle of it: what comes before
  /// is delivered, and then the connection is reset.
  void reset_within(std::string text);
  /// Whether that has happened.
  bool has_reset() const;
  /// Passes everything on this much later, in both directions.
  void delay_by(std::chrono::milliseconds delay);
  /// Leads new connections to another server, which has the same users.
  void redirect(const RedisServer& server);
  /// From now on the clients do not learn that Redis has closed their connections.
  void hide_losses();
  /// Closes all connections; new ones are served.
  void drop_connections();
  /// Lets nothing through in either direction; connections stay open.
  void freeze();
  void thaw();
  /// Lets nothing through to the clients.
  void hold_replies();
  void release_replies();
  /// Holds back what contains SUBSCRIBE, and what its connection sends after it.
  void hold_subscriptions();
  void release_subscriptions();

  std::size_t accepted() const;
  std::vector<Chunk> chunks() const;
  /// How many chunks contain the text.
  std::size_t chunks_with(const std::string& text) const;
  /// What the clients have sent while everything is frozen.
  std::size_t unread_bytes() const;
  /// How many TCP segments with data the open connections' clients have sent.
  std::uint64_t data_segments() const;

 private:
  using Tcp = boost::asio::ip::tcp;
  using Local = boost::asio::local::stream_protocol;
  struct Session;

  boost::asio::awaitable<void> accept();
  boost::asio::awaitable<void> serve(std::shared_ptr<Session> session);
  boost::asio::awaitable<void> pump_to_redis(std::shared_ptr<Session> session);
  boost::asio::awaitable<void> pump_to_client(std::shared_ptr<Session> session);
  void close_all();
  bool drop_packets(bool drop);
  std::size_t place_to_reset(std::string_view data) const;
  /// Runs it on the proxy's thread and returns what it returns.
  template <typename Function>
  auto ask(Function function) const;

  mutable boost::asio::io_context context_{1};
  RedisOptions options_;
  std::string upstream_;
  Tcp::acceptor acceptor_{context_};
  std::uint16_t port_ = 0;
  bool vanished_ = false;
  std::optional<std::string> reset_within_;
  std::chrono::milliseconds delay_{0};
  std::vector<std::shared_ptr<Session>> sessions_;
  std::vector<Chunk> chunks_;
  bool cut_ = false;
  bool hides_losses_ = false;
  bool frozen_ = false;
  bool holds_replies_ = false;
  bool holds_subscriptions_ = false;
  std::thread thread_;
};

/// A TCP port on 127.0.0.1 that accepts connections, sends each a fixed text, and hangs up after
/// that only if told to.
class SilentServer {
 public:
  explicit SilentServer(std::string greeting = "", bool hangs_up = false);
  ~SilentServer();
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  boost::asio::awaitable<void> accept();

  boost::asio::io_context context_{1};
  boost::asio::ip::tcp::acceptor acceptor_{context_};
  std::uint16_t port_ = 0;
  std::string greeting_;
  bool hangs_up_;
  std::thread thread_;
};

}  // namespace mesh::test::faults
