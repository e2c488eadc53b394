#include <redis/connection.hpp>

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstring>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>

#include <redis/event_adapter.hpp>
#include <redis/reply_guard.hpp>

namespace mesh::redis {

namespace {

Reply to_reply(const redisReply& raw) {
  Reply reply;
  switch (raw.type) {
    case REDIS_REPLY_INTEGER:
      reply.kind = Reply::Kind::integer;
      reply.integer = raw.integer;
      break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      reply.kind = Reply::Kind::text;
      reply.text.assign(raw.str, static_cast<std::size_t>(raw.len));
      break;
    case REDIS_REPLY_ERROR:
      reply.kind = Reply::Kind::error;
      reply.text.assign(raw.str, static_cast<std::size_t>(raw.len));
      break;
    case REDIS_REPLY_ARRAY:
      reply.kind = Reply::Kind::array;
      reply.elements.reserve(raw.elements);
      for (std::size_t i = 0; i < raw.elements; ++i) {
        reply.elements.push_back(to_reply(*raw.element[i]));
      }
      break;
    default:
      break;
  }
  return reply;
}

std::string_view text_of(const redisReply* reply) {
  if (reply == nullptr || reply->str == nullptr) return {};
  return {reply->str, static_cast<std::size_t>(reply->len)};
}

// hiredis calls this exactly once for each command, also when it frees the context.
void on_reply(redisAsyncContext* /*context*/, void* raw_reply, void* user_data) {
  const std::unique_ptr<Connection::ReplyCallback> callback(
      static_cast<Connection::ReplyCallback*>(user_data));
  if (raw_reply == nullptr) {
    (*callback)(nullptr);
    return;
  }
  Reply reply = to_reply(*static_cast<const redisReply*>(raw_reply));
  (*callback)(&reply);
}

struct FreeContext {
  void operator()(redisAsyncContext* context) const { redisAsyncFree(context); }
};

struct FreeCommand {
  void operator()(char* command) const { redisFreeCommand(command); }
};

}  // namespace

std::shared_ptr<Connection> Connection::open(const Strand& strand, const Endpoint& endpoint,
                                             Callbacks callbacks) {
  auto self = std::make_shared<Connection>(strand, std::move(callbacks));
  redisAsyncContext* context = endpoint.is_unix()
                                   ? redisAsyncConnectUnix(endpoint.unix_socket.c_str())
                                   : redisAsyncConnect(endpoint.host.c_str(), endpoint.port);
  if (context == nullptr || context->err != 0) {
    std::string cause = context == nullptr ? "out of memory" : context->errstr;
    if (context != nullptr) redisAsyncFree(context);
    asio::post(strand, [self, cause = std::move(cause)] { self->handle_cleanup(cause); });
    return self;
  }
  if (!endpoint.is_unix()) {
    const int on = 1;
    setsockopt(context->c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  std::unique_ptr<redisAsyncContext, FreeContext> guard(context);
  context->data = self.get();
  const std::weak_ptr<Connection> weak = self;
  EventAdapter::Observer observer;
  observer.on_read = [connection = self.get()] { connection->last_read_ = Clock::now(); };
  observer.on_cleanup = [weak, guard = ReplyGuard::attach(context)](std::string cause) {
    if (guard->has_refused()) cause = "an answer that makes no sense";
    if (const auto connection = weak.lock()) connection->handle_cleanup(std::move(cause));
  };
  self->adapter_ = EventAdapter::attach(strand, context, std::move(observer));
  static_cast<void>(guard.release());
  // This asks for the first write event, so the adapter has to be there.
  redisAsyncSetConnectCallback(context, [](const redisAsyncContext* raw, int status) {
    auto* connection = static_cast<Connection*>(raw->data);
    if (connection != nullptr && status == REDIS_OK && connection->callbacks_.on_connected) {
      connection->callbacks_.on_connected();
    }
  });
  return self;
}

Connection::Connection(const Strand& strand, Callbacks callbacks)
    : strand_(strand), callbacks_(std::move(callbacks)) {}

Connection::~Connection() { close(); }

bool Connection::is_open() const { return adapter_ != nullptr && adapter_->context() != nullptr; }

void Connection::command(std::span<const std::string> arguments, ReplyCallback callback) {
  if (!is_open()) {
    callback(nullptr);
    return;
  }
  std::vector<const char*> pointers;
  std::vector<std::size_t> lengths;
  pointers.reserve(arguments.size());
  lengths.reserve(arguments.size());
  for (const std::string& argument : arguments) {
    pointers.push_back(argument.data());
    lengths.push_back(argument.size());
  }
  auto owned = std::make_unique<ReplyCallback>(std::move(callback));
  const int status =
      redisAsyncCommandArgv(adapter_->context(), &on_reply, owned.get(),
                            static_cast<int>(arguments.size()), pointers.data(), lengths.data());
  if (status == REDIS_OK) {
    static_cast<void>(owned.release());
  } else {
    (*owned)(nullptr);
  }
}

void Connection::subscribe(const std::string& channel) {
  if (!is_open()) return;
  subscribed_ = true;
  const char* arguments[] = {"SUBSCRIBE", channel.data()};
  const std::size_t lengths[] = {std::strlen(arguments[0]), channel.size()};
  redisCallbackFn* const on_push = [](redisAsyncContext* context, void* reply, void*) {
    auto* connection = static_cast<Connection*>(context->data);
    if (connection != nullptr && reply != nullptr) connection->handle_push(reply);
  };
  redisAsyncCommandArgv(adapter_->context(), on_push, nullptr, 2, arguments, lengths);
}

void Connection::unsubscribe(const std::string& channel) {
  if (!is_open()) return;
  const char* arguments[] = {"UNSUBSCRIBE", channel.data()};
  const std::size_t lengths[] = {std::strlen(arguments[0]), channel.size()};
  redisAsyncCommandArgv(adapter_->context(), nullptr, nullptr, 2, arguments, lengths);
}

void Connection::ping() {
  if (!is_open()) return;
  if (!subscribed_) {
    const std::string arguments[] = {"PING"};
    command(arguments, [](Reply*) {});
    return;
  }
  // hiredis 0.14 has no callback for a pong on a subscribed connection: it would keep one for ever
  // and hand the pong to whichever callback ran last. So the command goes out past its queue, and
  // handle_push() skips what it does not know.
  char* raw = nullptr;
  const int length = redisFormatCommand(&raw, "PING");
  const std::unique_ptr<char, FreeCommand> command(raw);
  if (length < 0) return;
  redisAppendFormattedCommand(&adapter_->context()->c, command.get(),
                              static_cast<std::size_t>(length));
  adapter_->want_write();
}

void Connection::close() {
  callbacks_ = {};
  if (!is_open()) return;
  adapter_->context()->data = nullptr;
  redisAsyncFree(adapter_->context());
}

void Connection::handle_push(const void* raw_reply) {
  const auto& reply = *static_cast<const redisReply*>(raw_reply);
  if (reply.type != REDIS_REPLY_ARRAY || reply.elements < 3) return;
  const std::string_view kind = text_of(reply.element[0]);
  const std::string_view channel = text_of(reply.element[1]);
  if (kind == "message") {
    if (callbacks_.on_message) callbacks_.on_message(channel, text_of(reply.element[2]));
  } else if (kind == "subscribe") {
    if (callbacks_.on_subscribed) callbacks_.on_subscribed(channel);
  }
}

void Connection::handle_cleanup(std::string cause) {
  // Posted: this may run deep inside a hiredis call, and the owner will want to reconnect.
  asio::post(strand_, [weak = weak_from_this(), cause = std::move(cause)] {
    const auto self = weak.lock();
    if (self && self->callbacks_.on_closed) {
      self->callbacks_.on_closed(cause.empty() ? "connection closed" : cause);
    }
  });
}

}  // namespace mesh::redis
