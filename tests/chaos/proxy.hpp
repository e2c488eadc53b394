#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include "event_log.hpp"

namespace mesh::chaos {

/// The thread on which all proxies work.
class ProxyThread {
 public:
  ProxyThread();
  ~ProxyThread();
  ProxyThread(const ProxyThread&) = delete;
  ProxyThread& operator=(const ProxyThread&) = delete;

  boost::asio::io_context& context() { return context_; }
  /// Runs it there and returns what it returns.
  template <typename Function>
  auto ask(Function function) {
    std::packaged_task<decltype(function())()> task(std::move(function));
    auto result = task.get_future();
    boost::asio::post(context_, [&task] { task(); });
    return result.get();
  }

 private:
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::thread thread_;
};

/// Stands between one process and one server on 127.0.0.1, and interferes when told to. All members
/// are called on the proxy thread.
class Proxy : public std::enable_shared_from_this<Proxy> {
 public:
  /// Sees, and may change, what passes.
  using Tap = std::function<void(std::string& bytes)>;
  struct Taps {
    Tap to_server;
    Tap to_client;
  };

  Proxy(boost::asio::io_context& context, std::uint16_t upstream, Taps taps);

  void start();
  void stop();
  std::uint16_t port() const { return port_; }

  /// Has connections that are accepted from now on go to this port.
  void lead_to(std::uint16_t upstream) { upstream_ = upstream; }
  /// Closes all connections, and each new one as soon as it is accepted.
  void cut();
  void restore();
  /// Closes all connections; new ones are served.
  void drop();
  /// The present connections lose all bytes, in both directions, and stay open: the peer has
  /// vanished. New ones are served.
  void darken();
  /// The present connections lose what the server says, but pass on what the client says.
  void deafen();
  /// Holds everything back until thaw().
  void freeze();
  void thaw();
  /// What clients say passes at so many bytes a second and connection; 0: at once. Connections that
  /// are accepted meanwhile take in no more than that beforehand.
  void throttle(std::size_t rate);

  /// Waits for a client to send the text, notes when, holds the answers back for that long, lets
  /// them through and cuts in the same moment. With no time to wait it cuts after the first answer.
  void cut_after(std::string text, std::chrono::milliseconds hold);
  /// When the text of cut_after() passed, once the connections were cut; else 0.
  Nanoseconds cut_after_time() const { return text_passed_and_cut_; }
  void forget_cut_after() { text_.clear(); }

 private:
  using Tcp = boost::asio::ip::tcp;
  struct Session;
  using SessionPointer = std::shared_ptr<Session>;

  boost::asio::awaitable<void> accept();
  boost::asio::awaitable<void> serve(SessionPointer session);
  boost::asio::awaitable<void> pump_to_server(SessionPointer session);
  boost::asio::awaitable<void> pump_to_client(SessionPointer session);
  boost::asio::awaitable<void> release(SessionPointer session);
  void notice(const SessionPointer& session, std::string_view bytes);
  template <typename Action>
  void each_session(Action action);
  void close_all();

  boost::asio::io_context& context_;
  std::uint16_t upstream_;
  Taps taps_;
  Tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::vector<std::weak_ptr<Session>> sessions_;
  bool cut_ = false;
  bool frozen_ = false;
  std::size_t rate_ = 0;
  std::string text_;
  std::chrono::milliseconds hold_{0};
  Nanoseconds text_passed_and_cut_ = 0;
};

}  // namespace mesh::chaos
