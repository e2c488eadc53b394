#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include <boost/asio/awaitable.hpp>

namespace mesh::detail {

/// Whether code of the user's may still begin. It is closed, from any thread, when the user
/// destroys the service: what was queued before that finds it closed when its turn comes.
class Gate {
 public:
  bool is_open() const noexcept { return open_; }
  void close() noexcept { open_ = false; }

 private:
  std::atomic<bool> open_{true};
};

/// Runs `body`, if it may still begin by then.
inline boost::asio::awaitable<void> run_if_open(std::shared_ptr<const Gate> gate,
                                                boost::asio::awaitable<void> body) {
  if (gate->is_open()) co_await std::move(body);
}

}  // namespace mesh::detail
