#include "redis_proxy.hpp"

#include <algorithm>
#include <array>
#include <future>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <support/coroutine.hpp>

#include "packet_filter.hpp"
#include "tcp_segments.hpp"

namespace mesh::test::faults {

namespace {

using boost::system::error_code;

constexpr std::chrono::milliseconds glance{1};
constexpr std::size_t buffer_size = std::size_t{1} << 20U;

std::uint16_t listen_on_loopback(asio::ip::tcp::acceptor& acceptor) {
  const asio::ip::tcp::endpoint endpoint(asio::ip::address_v4::loopback(), 0);
  acceptor.open(endpoint.protocol());
  acceptor.bind(endpoint);
  acceptor.listen();
  return acceptor.local_endpoint().port();
}

template <typename Socket>
void close(Socket& socket) {
  error_code ignored;
  socket.close(ignored);
}

}  // namespace

struct RedisProxy::Session {
  explicit Session(Tcp::socket socket) : client(std::move(socket)), redis(client.get_executor()) {}

  void close_both() {
    close(client);
    close(redis);
  }
  bool is_open() const { return client.is_open(); }

  Tcp::socket client;
  Local::socket redis;
  std::size_t number = 0;
};

RedisProxy::RedisProxy(const RedisServer& server)
    : options_(server.options()), upstream_(server.socket()) {
  port_ = listen_on_loopback(acceptor_);
  options_.host = "127.0.0.1";
  options_.port = port_;
  options_.unix_socket.clear();
  asio::co_spawn(context_, accept(), asio::detached);
  thread_ = std::thread([this] { context_.run(); });
}

RedisProxy::~RedisProxy() {
  context_.stop();
  thread_.join();
}

RedisOptions RedisProxy::options() const { return options_; }

asio::awaitable<void> RedisProxy::accept() {
  for (;;) {
    error_code error;
    Tcp::socket socket =
        co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error) continue;
    const auto session = std::make_shared<Session>(std::move(socket));
    session->number = sessions_.size();
    sessions_.push_back(session);
    if (vanished_) set_packets_dropped(session->client.native_handle(), true);
    if (cut_) {
      session->close_both();
    } else {
      asio::co_spawn(context_, serve(session), asio::detached);
    }
  }
}

asio::awaitable<void> RedisProxy::serve(std::shared_ptr<Session> session) {
  error_code error;
  const Local::endpoint upstream(upstream_);
  co_await session->redis.async_connect(upstream, asio::redirect_error(asio::use_awaitable, error));
  if (error || !session->is_open()) {
    session->close_both();
    co_return;
  }
  asio::co_spawn(context_, pump_to_redis(session), asio::detached);
  asio::co_spawn(context_, pump_to_client(session), asio::detached);
}

asio::awaitable<void> RedisProxy::pump_to_redis(std::shared_ptr<Session> session) {
  std::string buffer(buffer_size, '\0');
  error_code error;
  while (!error) {
    const std::size_t size = co_await session->client.async_read_some(
        asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    chunks_.push_back(Chunk{session->number, buffer.substr(0, size)});
    const bool subscribes = chunks_.back().bytes.find("SUBSCRIBE") != std::string::npos;
    if (delay_ > glance) co_await sleep_for(delay_);
    while (session->is_open() && (frozen_ || vanished_ || (holds_subscriptions_ && subscribes))) {
      co_await sleep_for(glance);
    }
    co_await asio::async_write(session->redis, asio::buffer(buffer, size),
                               asio::redirect_error(asio::use_awaitable, error));
  }
  session->close_both();
}

asio::awaitable<void> RedisProxy::pump_to_client(std::shared_ptr<Session> session) {
  std::string buffer(buffer_size, '\0');
  error_code error;
  while (!error) {
    const std::size_t size = co_await session->redis.async_read_some(
        asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    if (delay_ > glance) co_await sleep_for(delay_);
    while (session->is_open() && (frozen_ || vanished_ || holds_replies_)) {
      co_await sleep_for(glance);
    }
    const std::size_t passed = place_to_reset(std::string_view(buffer).substr(0, size));
    co_await asio::async_write(session->client, asio::buffer(buffer, passed),
                               asio::redirect_error(asio::use_awaitable, error));
    if (passed < size) {
      reset_within_.reset();
      const asio::socket_base::linger no_goodbye(true, 0);
      session->client.set_option(no_goodbye, error);
      break;
    }
  }
  while (hides_losses_ && session->is_open()) co_await sleep_for(glance);
  session->close_both();
}

template <typename Function>
auto RedisProxy::ask(Function function) const {
  std::packaged_task<decltype(function())()> task(std::move(function));
  auto result = task.get_future();
  asio::post(context_, [&task] { task(); });
  return result.get();
}

void RedisProxy::close_all() {
  for (const auto& session : sessions_) session->close_both();
}

void RedisProxy::cut() {
  ask([this] {
    cut_ = true;
    close_all();
  });
}

void RedisProxy::restore() {
  ask([this] { cut_ = false; });
}

void RedisProxy::refuse_connections() {
  ask([this] { cut_ = true; });
}

bool RedisProxy::vanish() {
  return ask([this] { return drop_packets(true); });
}

void RedisProxy::reappear() {
  ask([this] { drop_packets(false); });
}

bool RedisProxy::drop_packets(bool drop) {
  vanished_ = drop;
  if (!set_packets_dropped(acceptor_.native_handle(), drop)) return false;
  for (const auto& session : sessions_) {
    if (session->is_open()) set_packets_dropped(session->client.native_handle(), drop);
  }
  return true;
}

void RedisProxy::reset_within(std::string text) {
  ask([this, &text] { reset_within_ = std::move(text); });
}

bool RedisProxy::has_reset() const {
  return ask([this] { return !reset_within_; });
}

// How much of the data goes to the client.
std::size_t RedisProxy::place_to_reset(std::string_view data) const {
  if (!reset_within_) return data.size();
  const auto at = data.find(*reset_within_);
  return at == std::string_view::npos ? data.size() : at + reset_within_->size() / 2;
}

void RedisProxy::delay_by(std::chrono::milliseconds delay) {
  ask([this, delay] { delay_ = delay; });
}

void RedisProxy::redirect(const RedisServer& server) {
  ask([this, &server] { upstream_ = server.socket(); });
}

void RedisProxy::hide_losses() {
  ask([this] { hides_losses_ = true; });
}

void RedisProxy::drop_connections() {
  ask([this] { close_all(); });
}

void RedisProxy::freeze() {
  ask([this] { frozen_ = true; });
}

void RedisProxy::thaw() {
  ask([this] { frozen_ = false; });
}

void RedisProxy::hold_replies() {
  ask([this] { holds_replies_ = true; });
}

void RedisProxy::release_replies() {
  ask([this] { holds_replies_ = false; });
}

void RedisProxy::hold_subscriptions() {
  ask([this] { holds_subscriptions_ = true; });
}

void RedisProxy::release_subscriptions() {
  ask([this] { holds_subscriptions_ = false; });
}

std::size_t RedisProxy::accepted() const {
  return ask([this] { return sessions_.size(); });
}

std::vector<RedisProxy::Chunk> RedisProxy::chunks() const {
  return ask([this] { return chunks_; });
}

std::size_t RedisProxy::chunks_with(const std::string& text) const {
  return ask([this, &text] {
    return static_cast<std::size_t>(std::ranges::count_if(chunks_, [&text](const Chunk& chunk) {
      return chunk.bytes.find(text) != std::string::npos;
    }));
  });
}

std::size_t RedisProxy::unread_bytes() const {
  return ask([this] {
    std::size_t sum = 0;
    for (const auto& session : sessions_) {
      error_code ignored;
      if (session->is_open()) sum += session->client.available(ignored);
    }
    return sum;
  });
}

std::uint64_t RedisProxy::data_segments() const {
  return ask([this] {
    std::uint64_t sum = 0;
    for (const auto& session : sessions_) {
      if (session->is_open()) sum += received_data_segments(session->client.native_handle());
    }
    return sum;
  });
}

SilentServer::SilentServer(std::string greeting, bool hangs_up)
    : greeting_(std::move(greeting)), hangs_up_(hangs_up) {
  port_ = listen_on_loopback(acceptor_);
  asio::co_spawn(context_, accept(), asio::detached);
  thread_ = std::thread([this] { context_.run(); });
}

SilentServer::~SilentServer() {
  context_.stop();
  thread_.join();
}

asio::awaitable<void> SilentServer::accept() {
  std::vector<asio::ip::tcp::socket> sockets;
  for (;;) {
    asio::ip::tcp::socket socket = co_await acceptor_.async_accept(asio::use_awaitable);
    error_code ignored;
    asio::write(socket, asio::buffer(greeting_), ignored);
    if (!hangs_up_) sockets.push_back(std::move(socket));
  }
}

}  // namespace mesh::test::faults
