#include <redis/link.hpp>

#include <exception>
#include <utility>

#include <boost/asio/post.hpp>
#include <mesh/errors.hpp>

#include <redis/plain_connection.hpp>

namespace mesh::redis {

std::shared_ptr<Link> Link::open(const Strand& strand, const Endpoint& address, const Tls& tls,
                                 ChannelKind kind) {
  auto link = std::make_shared<Link>(strand, address, kind);
  link->begin(tls);
  return link;
}

Link::Link(const Strand& strand, const Endpoint& address, ChannelKind kind)
    : strand_(strand), address_(address), kind_(kind), changed_(strand) {}

Link::~Link() {
  if (connection_) connection_->close();
}

void Link::begin(const Tls& tls) {
  const std::weak_ptr<Link> weak = weak_from_this();
  Connection::Callbacks callbacks;
  callbacks.on_connected = [weak] {
    if (const auto self = weak.lock()) {
      self->connected_ = true;
      self->changed_.notify_all();
    }
  };
  callbacks.on_subscribed = [weak](std::string_view channel) {
    if (const auto self = weak.lock()) {
      self->confirmed_.emplace(channel);
      self->changed_.notify_all();
    }
  };
  callbacks.on_message = [weak](std::string_view channel, std::string_view payload) {
    if (const auto self = weak.lock()) self->take_message(channel, payload);
  };
  callbacks.on_oversized = [weak](const OversizedMessage& message) {
    const auto self = weak.lock();
    if (self && self->on_oversized_) self->on_oversized_(message);
  };
  callbacks.on_error_reply = [weak](const Reply& reply) {
    const auto self = weak.lock();
    if (!self) return;
    self->last_error_ = reply;
    if (self->on_error_reply_) self->on_error_reply_(reply);
  };
  callbacks.before_write = [weak] {
    const auto self = weak.lock();
    if (self && self->before_write_) self->before_write_();
  };
  callbacks.on_written = [weak] {
    const auto self = weak.lock();
    if (self && self->on_written_) self->on_written_();
  };
  callbacks.on_closed = [weak](const std::string& cause) {
    if (const auto self = weak.lock()) self->mark_closed(cause);
  };
  if (tls.context) {
    connection_ = open_tls_connection(strand_, address_, tls, callbacks, kind_);
  } else {
    connection_ = open_plain_connection(strand_, address_, callbacks, kind_);
  }
}

void Link::set_oversized_callback(std::size_t largest, OversizedCallback callback) {
  connection_->set_largest_message(largest);
  on_oversized_ = std::move(callback);
}

void Link::take_message(std::string_view channel, std::string_view payload) {
  if (!held_.holds(channel)) {
    if (on_message_) on_message_(channel, payload);
    return;
  }
  if (closed_ || held_.keep(channel, payload)) return;
  // Posted: it is the connection that calls.
  asio::post(strand_, [self = shared_from_this()] {
    self->close("more has come than may wait until it is known who has the slot of the channel");
  });
}

void Link::hold_messages(std::string channel, std::size_t most_bytes) {
  held_.hold(std::move(channel), most_bytes);
}

void Link::release_messages(std::string_view channel) {
  const auto self = shared_from_this();
  try {
    held_.release(channel, [this](std::string_view where, std::string_view payload) {
      if (!closed_ && on_message_) on_message_(where, payload);
    });
  } catch (const std::exception& error) {
    close(error.what());  // as where it had not been held
  }
}

void Link::close(std::string cause) {
  connection_->close();
  mark_closed(std::move(cause));
}

void Link::mark_closed(std::string cause) {
  if (closed_) return;
  closed_ = std::move(cause);
  changed_.notify_all();
}

void Link::fail(const std::string& cause) const {
  throw MeshConnectionError(address_.name(), address_.port, cause);
}

template <typename Condition>
asio::awaitable<bool> Link::wait(Condition condition, TimePoint deadline) {
  const auto self = shared_from_this();
  while (!condition()) {
    if (closed_) fail(*closed_);
    if (!co_await changed_.wait_until(deadline)) co_return condition();
  }
  co_return true;
}

asio::awaitable<void> Link::wait_connected(TimePoint deadline) {
  if (!co_await wait([this] { return connected_; }, deadline)) {
    fail(connection_->timeout_cause());
  }
}

asio::awaitable<Reply> Link::request(Command command, TimePoint deadline) {
  // Shared with the callback, which may come after this coroutine gave up.
  auto reply = std::make_shared<std::optional<Reply>>();
  connection_->command(command, [reply, weak = weak_from_this()](Outcome outcome) {
    const auto self = weak.lock();
    if (outcome.failure != Failure::none || !self) return;  // the closing wakes the waiter
    *reply = std::move(outcome.reply);
    self->changed_.notify_all();
  });
  if (!co_await wait([&reply] { return reply->has_value(); }, deadline)) {
    fail("no answer to " + std::string(command.name()) + " in time");
  }
  co_return std::move(**reply);
}

asio::awaitable<void> Link::subscribe(std::string channel, TimePoint deadline) {
  if (!confirmed_.contains(channel)) connection_->subscribe(channel);
  if (!co_await wait([&] { return confirmed_.contains(channel); }, deadline)) {
    fail("no answer to " + std::string(words_of(kind_).subscribe) + " in time");
  }
}

void Link::unsubscribe(const std::string& channel) {
  confirmed_.erase(channel);
  counts_ = counts_ && !confirmed_.empty();
  connection_->unsubscribe(channel);
}

asio::awaitable<bool> Link::wait_closed_until(TimePoint time) {
  const auto self = shared_from_this();
  if (!closed_) co_await changed_.wait_until(time);
  co_return closed_.has_value();
}

}  // namespace mesh::redis
