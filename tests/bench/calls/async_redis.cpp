#include <async_redis.hpp>

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

namespace mesh::bench {

namespace {

// From a callback of hiredis, which is C and lets nothing be thrown through.
[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::_Exit(1);
}

std::string_view text_of(const redisReply& reply) {
  return {reply.str, static_cast<std::size_t>(reply.len)};
}

}  // namespace

void AsyncRedis::Free::operator()(redisAsyncContext* context) const { redisAsyncFree(context); }

AsyncRedis::AsyncRedis(std::uint16_t port) : context_(redisAsyncConnect("127.0.0.1", port)) {
  require_open();
  const int on = 1;
  setsockopt(descriptor(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  context_->ev.data = &wants_write_;
  context_->ev.addWrite = [](void* wants) { *static_cast<bool*>(wants) = true; };
  context_->ev.delWrite = [](void* wants) { *static_cast<bool*>(wants) = false; };
  wants_write_ = true;  // tells that it has connected
}

void AsyncRedis::require_open() const {
  if (!context_ || context_->err != 0) throw std::runtime_error("no connection to Redis");
}

int AsyncRedis::descriptor() const { return context_->c.fd; }

void AsyncRedis::write() {
  redisAsyncHandleWrite(context_.get());
  require_open();
}

void AsyncRedis::read() {
  redisAsyncHandleRead(context_.get());
  require_open();
}

AsyncPeer::AsyncPeer(std::uint16_t port, const std::string& channel)
    : commands_(port), subscription_(port) {
  redisAsyncCommand(subscription_.context(), &on_push, this, "SUBSCRIBE %s", channel.c_str());
  const OnMessage nothing = [](std::string_view) {};
  while (!is_subscribed_) turn(nothing);
}

void AsyncPeer::publish(std::string_view channel, std::string_view message) {
  redisAsyncCommand(commands_.context(), &on_published, this, "PUBLISH %b %b", channel.data(),
                    channel.size(), message.data(), message.size());
}

void AsyncPeer::turn(const OnMessage& on_message) {
  on_message_ = &on_message;
  wait();
}

void AsyncPeer::wait() {
  std::array<pollfd, 2> watched{};
  const std::array<AsyncRedis*, 2> connections{&commands_, &subscription_};
  for (std::size_t i = 0; i < watched.size(); ++i) {
    if (connections[i]->has_output()) connections[i]->write();
    watched[i].fd = connections[i]->descriptor();
    watched[i].events =
        static_cast<short>(connections[i]->has_output() ? POLLIN | POLLOUT : POLLIN);
  }
  if (poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) {
    throw std::system_error(errno, std::generic_category(), "poll");
  }
  // Messages first, as in the other loop.
  for (const std::size_t i : {std::size_t{1}, std::size_t{0}}) {
    if ((watched[i].revents & ~POLLOUT) != 0) connections[i]->read();
  }
}

void AsyncPeer::on_push(redisAsyncContext* /*context*/, void* reply, void* self) {
  auto& peer = *static_cast<AsyncPeer*>(self);
  const auto* const push = static_cast<const redisReply*>(reply);
  if (push == nullptr || push->type != REDIS_REPLY_ARRAY || push->elements != 3) {
    die("a reply that is not a message");
  }
  if (text_of(*push->element[0]) == "subscribe") {
    peer.is_subscribed_ = true;
  } else {
    (*peer.on_message_)(text_of(*push->element[2]));
  }
}

void AsyncPeer::on_published(redisAsyncContext* /*context*/, void* reply, void* /*self*/) {
  const auto* const published = static_cast<const redisReply*>(reply);
  if (published != nullptr && published->integer == 1) return;
  die("a message did not reach exactly one receiver");
}

}  // namespace mesh::bench
