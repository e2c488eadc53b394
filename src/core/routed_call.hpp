#pragma once

#include <vector>

#include <mesh/detail/core_handle.hpp>
#include <mesh/node.hpp>

#include <routing/server_group.hpp>

namespace mesh::core {

/// What belongs to a call for which the library chooses the node.
class RoutedCall {
 public:
  explicit RoutedCall(const detail::Routing& routing)
      : routing_(routing), attempts_left_(routing.attempts) {}
  ~RoutedCall() { release(); }
  RoutedCall(const RoutedCall&) = delete;
  RoutedCall& operator=(const RoutedCall&) = delete;

  const detail::Routing& routing() const { return routing_; }
  const std::vector<InstanceId>& tried() const { return tried_; }
  bool has_attempts_left() const { return attempts_left_ > 0; }
  /// Null until one is chosen.
  const routing::ServerPointer& server() const { return server_; }

  /// The call waits for this one from now on.
  void begin_attempt(routing::ServerPointer server) {
    release();
    server_ = std::move(server);
    ++server_->pending;
    --attempts_left_;
  }
  /// It did not run the request.
  void note_failure() {
    if (server_) tried_.push_back(server_->id);
    release();
  }

 private:
  void release() {
    if (server_) --server_->pending;
    server_.reset();
  }

  detail::Routing routing_;
  int attempts_left_;
  routing::ServerPointer server_;
  std::vector<InstanceId> tried_;
};

}  // namespace mesh::core
