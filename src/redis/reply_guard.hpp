#pragma once

#include <memory>

struct redisAsyncContext;

namespace mesh::redis {

/// Protects the process from Redis: where an answer comes that hiredis does not expect, it ends the
/// process with an assertion. This looks at each answer while it is parsed, and lets parsing fail
/// instead, so that the connection ends.
class ReplyGuard {
 public:
  /// For a fresh context. The guard must live until the context is cleaned up.
  static std::shared_ptr<ReplyGuard> attach(redisAsyncContext* context);

  explicit ReplyGuard(redisAsyncContext* context) : context_(context) {}

  /// True if it has refused an answer. The connection then ends with an error of hiredis' choice.
  bool has_refused() const { return has_refused_; }

 private:
  struct Functions;

  redisAsyncContext* context_;
  bool has_refused_ = false;
};

}  // namespace mesh::redis
