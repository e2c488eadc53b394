#pragma once

#include <mutex>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/prefer.hpp>

#include <async/strand.hpp>

namespace mesh {

/// Keeps an executor's context from running out of work. All members may be called from any thread.
class KeptBusy {
 public:
  void hold(const asio::any_io_executor& executor) {
    auto work = asio::prefer(executor, asio::execution::outstanding_work_t::tracked);
    const std::lock_guard lock(mutex_);
    if (!is_closed_) work_ = std::move(work);
  }

  void release() {
    asio::any_io_executor released;
    const std::lock_guard lock(mutex_);
    std::swap(released, work_);
  }

  /// As `release()`, and nothing is held any more.
  void close() {
    {
      const std::lock_guard lock(mutex_);
      is_closed_ = true;
    }
    release();
  }

 private:
  std::mutex mutex_;
  asio::any_io_executor work_;
  bool is_closed_ = false;
};

}  // namespace mesh
