#pragma once

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/posix/stream_descriptor.hpp>

#include <async/strand.hpp>

struct redisAsyncContext;

namespace mesh::redis {

/// Lets an Asio strand drive a hiredis async context: hiredis says when it wants to read or write,
/// the adapter waits for the descriptor. Writes are posted, so that all commands issued in one turn
/// of the executor leave in one write.
///
/// The context owns the descriptor and may be freed by hiredis at any time inside its own calls;
/// the clean-up hook is the one place that tells.
class EventAdapter : public std::enable_shared_from_this<EventAdapter> {
 public:
  struct Observer {
    std::function<void()> on_read;                ///< Bytes may have arrived.
    std::function<void(std::string)> on_cleanup;  ///< The context is going away, with the cause.
  };

  /// Attaches to a fresh context, which must not have an adapter yet.
  static std::shared_ptr<EventAdapter> attach(const Strand& strand, redisAsyncContext* context,
                                              Observer observer);

  EventAdapter(const Strand& strand, redisAsyncContext* context, Observer observer);

  /// Null after clean-up.
  redisAsyncContext* context() const { return context_; }

  /// For bytes that were put into the output buffer past the hooks.
  void want_write();

 private:
  void want_read();
  void wait_readable();
  void wait_writable();
  void post_flush();
  void write_now();
  void cleanup();

  Strand strand_;
  redisAsyncContext* context_;
  Observer observer_;
  asio::posix::stream_descriptor descriptor_;
  bool reading_ = false;
  bool writing_ = false;
  bool read_wait_pending_ = false;
  bool write_wait_pending_ = false;
  bool flush_posted_ = false;
  bool in_write_ = false;
};

}  // namespace mesh::redis
