#include <redis/event_adapter.hpp>

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#include <utility>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include <redis/sigpipe_guard.hpp>

namespace mesh::redis {

std::shared_ptr<EventAdapter> EventAdapter::attach(const Strand& strand, redisAsyncContext* context,
                                                   Observer observer) {
  auto adapter = std::make_shared<EventAdapter>(strand, context, std::move(observer));
  context->ev.data = adapter.get();
  context->ev.addRead = [](void* self) { static_cast<EventAdapter*>(self)->want_read(); };
  context->ev.delRead = [](void* self) { static_cast<EventAdapter*>(self)->reading_ = false; };
  context->ev.addWrite = [](void* self) { static_cast<EventAdapter*>(self)->want_write(); };
  context->ev.delWrite = [](void* self) { static_cast<EventAdapter*>(self)->writing_ = false; };
  context->ev.cleanup = [](void* self) { static_cast<EventAdapter*>(self)->cleanup(); };
  return adapter;
}

EventAdapter::EventAdapter(const Strand& strand, redisAsyncContext* context, Observer observer)
    : strand_(strand),
      context_(context),
      observer_(std::move(observer)),
      descriptor_(strand, context->c.fd) {}

void EventAdapter::want_read() {
  reading_ = true;
  if (!read_wait_pending_) wait_readable();
}

void EventAdapter::want_write() {
  writing_ = true;
  const bool connected = (context_->c.flags & REDIS_CONNECTED) != 0;
  if (in_write_ || !connected) {
    if (!write_wait_pending_) wait_writable();
  } else if (!write_wait_pending_ && !flush_posted_) {
    post_flush();
  }
}

void EventAdapter::wait_readable() {
  read_wait_pending_ = true;
  descriptor_.async_wait(asio::posix::descriptor_base::wait_read,
                         [self = shared_from_this()](const boost::system::error_code& error) {
                           self->read_wait_pending_ = false;
                           if (error || self->context_ == nullptr || !self->reading_) return;
                           if (self->observer_.on_read) self->observer_.on_read();
                           redisAsyncHandleRead(self->context_);
                         });
}

void EventAdapter::wait_writable() {
  write_wait_pending_ = true;
  descriptor_.async_wait(asio::posix::descriptor_base::wait_write,
                         [self = shared_from_this()](const boost::system::error_code& error) {
                           self->write_wait_pending_ = false;
                           if (!error) self->write_now();
                         });
}

void EventAdapter::post_flush() {
  flush_posted_ = true;
  // By way of the executor behind the strand: what else this turn dispatches to the strand comes
  // before it.
  asio::post(strand_.get_inner_executor(), [self = shared_from_this()] {
    asio::dispatch(self->strand_, [self] {
      self->flush_posted_ = false;
      self->write_now();
    });
  });
}

void EventAdapter::write_now() {
  if (context_ == nullptr || !writing_) return;
  const SigpipeGuard guard;
  in_write_ = true;
  redisAsyncHandleWrite(context_);
  in_write_ = false;
}

void EventAdapter::cleanup() {
  std::string cause = context_->errstr != nullptr ? context_->errstr : "";
  context_ = nullptr;
  // The descriptor is hiredis' to close.
  descriptor_.release();
  const auto on_cleanup = std::exchange(observer_.on_cleanup, nullptr);
  observer_.on_read = nullptr;
  if (on_cleanup) on_cleanup(std::move(cause));
}

}  // namespace mesh::redis
