#include <raw_redis.hpp>

#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace mesh::bench {

namespace {

// Of a socket's receive buffer about as much as may be in it.
constexpr std::size_t input_size = std::size_t{256} << 10U;

struct FreeReply {
  void operator()(void* reply) const { freeReplyObject(reply); }
};

[[noreturn]] void throw_errno(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void append_argument(std::string& output, std::string_view argument) {
  output.append("$").append(std::to_string(argument.size())).append("\r\n");
  output.append(argument).append("\r\n");
}

}  // namespace

void RawRedis::Free::operator()(redisContext* context) const { redisFree(context); }

RawRedis::RawRedis(std::uint16_t port)
    : context_(redisConnect("127.0.0.1", port)), input_(input_size) {
  if (!context_ || context_->err != 0) throw std::runtime_error("cannot connect to Redis");
  const int on = 1;
  setsockopt(context_->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  context_->reader->maxbuf = 0;  // keep the buffer
}

void RawRedis::subscribe(const std::string& channel) {
  const std::unique_ptr<void, FreeReply> reply(
      redisCommand(context_.get(), "SUBSCRIBE %s", channel.c_str()));
  if (!reply || static_cast<redisReply*>(reply.get())->type != REDIS_REPLY_ARRAY) {
    throw std::runtime_error("SUBSCRIBE failed");
  }
}

void RawRedis::publish(std::string_view channel, std::string_view message) {
  output_.append("*3\r\n$7\r\nPUBLISH\r\n");
  append_argument(output_, channel);
  append_argument(output_, message);
}

void RawRedis::flush() {
  if (!has_output()) return;
  const auto sent = send(context_->fd, output_.data() + written_, output_.size() - written_,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno == EAGAIN || errno == EINTR) return;
    throw_errno("send");
  }
  written_ += static_cast<std::size_t>(sent);
  if (has_output()) return;
  output_.clear();
  written_ = 0;
}

void RawRedis::receive(const OnReply& on_reply) {
  const auto size = recv(context_->fd, input_.data(), input_.size(), MSG_DONTWAIT);
  if (size == 0) throw std::runtime_error("Redis closed the connection");
  if (size < 0) {
    if (errno == EAGAIN || errno == EINTR) return;
    throw_errno("recv");
  }
  redisReader* const reader = context_->reader;
  redisReaderFeed(reader, input_.data(), static_cast<std::size_t>(size));
  for (;;) {
    void* raw = nullptr;
    if (redisReaderGetReply(reader, &raw) != REDIS_OK) throw std::runtime_error(reader->errstr);
    if (raw == nullptr) return;
    const std::unique_ptr<void, FreeReply> reply(raw);
    on_reply(*static_cast<redisReply*>(raw));
  }
}

int RawRedis::descriptor() const { return context_->fd; }

RawPeer::RawPeer(std::uint16_t port, const std::string& channel)
    : commands_(port), subscription_(port) {
  subscription_.subscribe(channel);
}

void RawPeer::turn(const OnMessage& on_message) {
  commands_.flush();
  std::array<pollfd, 2> watched{};
  watched[0].fd = commands_.descriptor();
  watched[0].events = static_cast<short>(commands_.has_output() ? POLLIN | POLLOUT : POLLIN);
  watched[1].fd = subscription_.descriptor();
  watched[1].events = POLLIN;
  if (poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) throw_errno("poll");
  if (watched[1].revents != 0) {
    subscription_.receive([&](const redisReply& reply) {
      if (reply.type != REDIS_REPLY_ARRAY || reply.elements != 3) {
        throw std::runtime_error("a reply that is not a message");
      }
      const redisReply& message = *reply.element[2];
      on_message({message.str, static_cast<std::size_t>(message.len)});
    });
  }
  if ((watched[0].revents & ~POLLOUT) != 0) commands_.receive(&require_one_receiver);
}

void RawPeer::require_one_receiver(const redisReply& reply) {
  if (reply.type == REDIS_REPLY_INTEGER && reply.integer == 1) return;
  throw std::runtime_error("a message did not reach exactly one receiver");
}

}  // namespace mesh::bench
