#include "proxy.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace mesh::chaos {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t buffer_size = std::size_t{1} << 16U;
constexpr std::size_t slow_piece = 600;
constexpr int slow_window = 4096;
constexpr int usual_window = 1 << 18U;

asio::awaitable<void> wait(std::chrono::milliseconds duration) {
  asio::steady_timer timer(co_await asio::this_coro::executor, duration);
  co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace

ProxyThread::ProxyThread()
    : work_(asio::make_work_guard(context_)), thread_([this] { context_.run(); }) {}

ProxyThread::~ProxyThread() {
  context_.stop();
  thread_.join();
}

struct Proxy::Session {
  explicit Session(Tcp::socket socket) : client(std::move(socket)), server(client.get_executor()) {}

  void close() {
    error_code ignored;
    client.close(ignored);
    server.close(ignored);
  }

  Tcp::socket client;
  Tcp::socket server;
  bool dark = false;
  bool deaf = false;
  Nanoseconds noticed = 0;  // when the text of cut_after() passed here
  bool holding = false;
  std::string held;
};

Proxy::Proxy(asio::io_context& context, std::uint16_t upstream, Taps taps)
    : context_(context), upstream_(upstream), taps_(std::move(taps)), acceptor_(context) {
  const Tcp::endpoint endpoint(asio::ip::address_v4::loopback(), 0);
  acceptor_.open(endpoint.protocol());
  acceptor_.bind(endpoint);
  acceptor_.listen();
  port_ = acceptor_.local_endpoint().port();
}

void Proxy::start() {
  asio::co_spawn(
      context_, [self = shared_from_this()] { return self->accept(); }, asio::detached);
}

void Proxy::stop() {
  error_code ignored;
  acceptor_.close(ignored);
  close_all();
}

asio::awaitable<void> Proxy::accept() {
  const auto self = shared_from_this();
  while (acceptor_.is_open()) {
    error_code error;
    Tcp::socket socket =
        co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error) continue;
    const auto session = std::make_shared<Session>(std::move(socket));
    std::erase_if(sessions_, [](const std::weak_ptr<Session>& old) { return old.expired(); });
    sessions_.push_back(session);
    if (cut_) {
      session->close();
    } else {
      asio::co_spawn(
          context_, [self, session] { return self->serve(session); }, asio::detached);
    }
  }
}

asio::awaitable<void> Proxy::serve(SessionPointer session) {
  error_code error;
  const Tcp::endpoint endpoint(asio::ip::address_v4::loopback(), upstream_);
  co_await session->server.async_connect(endpoint,
                                         asio::redirect_error(asio::use_awaitable, error));
  if (error || !session->client.is_open()) {
    session->close();
    co_return;
  }
  session->client.set_option(Tcp::no_delay(true), error);
  session->server.set_option(Tcp::no_delay(true), error);
  const auto self = shared_from_this();
  asio::co_spawn(
      context_, [self, session] { return self->pump_to_server(session); }, asio::detached);
  asio::co_spawn(
      context_, [self, session] { return self->pump_to_client(session); }, asio::detached);
}

asio::awaitable<void> Proxy::pump_to_server(SessionPointer session) {
  const auto self = shared_from_this();
  std::string buffer(buffer_size, '\0');
  error_code error;
  for (;;) {
    const std::size_t most = rate_ == 0 ? buffer.size() : slow_piece;
    const std::size_t size = co_await session->client.async_read_some(
        asio::buffer(buffer, most), asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    while (frozen_ && session->client.is_open()) co_await wait(std::chrono::milliseconds(1));
    if (session->dark) continue;
    std::string bytes = buffer.substr(0, size);
    notice(session, bytes);
    if (taps_.to_server) taps_.to_server(bytes);
    co_await asio::async_write(session->server, asio::buffer(bytes),
                               asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    if (rate_ != 0) co_await wait(std::chrono::milliseconds(size * 1000 / rate_));
  }
  session->close();
}

asio::awaitable<void> Proxy::pump_to_client(SessionPointer session) {
  const auto self = shared_from_this();
  std::string buffer(buffer_size, '\0');
  error_code error;
  for (;;) {
    const std::size_t size = co_await session->server.async_read_some(
        asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    while (frozen_ && session->client.is_open()) co_await wait(std::chrono::milliseconds(1));
    if (session->dark || session->deaf) continue;
    std::string bytes = buffer.substr(0, size);
    if (session->holding) {
      session->held += bytes;
      continue;
    }
    if (taps_.to_client) taps_.to_client(bytes);
    co_await asio::async_write(session->client, asio::buffer(bytes),
                               asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    if (session->noticed != 0) {
      text_passed_and_cut_ = session->noticed;
      cut();
      break;
    }
  }
  session->close();
}

void Proxy::notice(const SessionPointer& session, std::string_view bytes) {
  if (text_.empty() || bytes.find(text_) == std::string_view::npos) return;
  text_.clear();
  session->noticed = now_ns();
  if (hold_ == std::chrono::milliseconds::zero()) return;
  session->holding = true;
  cut_ = true;  // whoever takes this connection for lost must not renew on another
  asio::co_spawn(
      context_, [self = shared_from_this(), session] { return self->release(session); },
      asio::detached);
}

asio::awaitable<void> Proxy::release(SessionPointer session) {
  co_await wait(hold_);
  session->dark = true;  // what the client says from now on comes too late
  error_code ignored;
  co_await asio::async_write(session->client, asio::buffer(session->held),
                             asio::redirect_error(asio::use_awaitable, ignored));
  text_passed_and_cut_ = session->noticed;
  cut();
}

template <typename Action>
void Proxy::each_session(Action action) {
  for (const auto& weak : sessions_) {
    if (const auto session = weak.lock()) action(*session);
  }
}

void Proxy::close_all() {
  each_session([](Session& session) { session.close(); });
}

void Proxy::cut() {
  cut_ = true;
  close_all();
}

void Proxy::restore() { cut_ = false; }

void Proxy::drop() { close_all(); }

void Proxy::darken() {
  each_session([](Session& session) { session.dark = true; });
}

void Proxy::deafen() {
  each_session([](Session& session) { session.deaf = true; });
}

void Proxy::freeze() { frozen_ = true; }

void Proxy::thaw() { frozen_ = false; }

void Proxy::throttle(std::size_t rate) {
  rate_ = rate;
  const asio::socket_base::receive_buffer_size window(rate == 0 ? usual_window : slow_window);
  error_code ignored;
  acceptor_.set_option(window, ignored);
  if (rate != 0) return;
  // With so small a window a line stays slow: the client's system waits a fifth of a second each
  // time that it is full.
  each_session([&](Session& session) { session.client.set_option(window, ignored); });
}

void Proxy::cut_after(std::string text, std::chrono::milliseconds hold) {
  text_ = std::move(text);
  hold_ = hold;
  text_passed_and_cut_ = 0;
}

}  // namespace mesh::chaos
