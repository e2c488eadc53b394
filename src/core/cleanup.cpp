#include <core/cleanup.hpp>

#include <algorithm>
#include <exception>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <mesh/errors.hpp>

#include <async/run_on.hpp>
#include <util/describe_error.hpp>

namespace mesh::core {

Cleanup::Cleanup(Context context, std::shared_ptr<Registry> registry)
    : context_(std::move(context)),
      registry_(std::move(registry)),
      step_ended_(context_.strand),
      reports_(context_.strand, [log = context_.log](const std::exception_ptr& error) {
        log(LogLevel::error, "the reports of removed nodes ended: " + describe_error(error));
      }) {}

asio::awaitable<bool> Cleanup::run(InstanceId self, std::string lock_value) {
  reporter_ = self;
  // However late the answer is, it must be heard: it says what is to be reported.
  const auto to_report =
      co_await registry_->remove_dead(self, std::move(lock_value), TimePoint::max());
  if (!to_report) co_return false;
  const bool was_idle = queue_.empty();
  for (const InstanceId id : *to_report) {
    if (is_queued(id)) continue;
    context_.log(LogLevel::info, "removed node " + std::to_string(id) + ": no heartbeat for " +
                                     std::to_string(context_.node_ttl.count()) + " ms");
    queue_.push_back(id);
  }
  if (was_idle && !queue_.empty()) reports_.spawn(report_all(shared_from_this()));
  co_return true;
}

bool Cleanup::is_queued(InstanceId id) const {
  return std::find(queue_.begin(), queue_.end(), id) != queue_.end();
}

asio::awaitable<void> Cleanup::report_all(std::shared_ptr<Cleanup> /*self*/) {
  while (!queue_.empty()) {
    std::exception_ptr error;
    finishing_ = false;
    try {
      co_await report(queue_.front());
    } catch (const MeshError&) {
      error = std::current_exception();
    }
    if (error) {
      // The next cleanup names it again.
      context_.log(LogLevel::warning,
                   "the report of a removed node failed: " + describe_error(error));
    }
    if (!queue_.empty()) queue_.pop_front();
  }
}

asio::awaitable<void> Cleanup::report(InstanceId id) {
  // If this node was frozen meanwhile, it may be another's by now.
  const InstanceId self = reporter_;
  if (!co_await registry_->is_reporter(self, id, TimePoint::max())) co_return;
  in_callback_ = true;
  co_await call_back(id);
  in_callback_ = false;
  finishing_ = true;
  step_ended_.notify_all();
  co_await registry_->finish_report(self, id, TimePoint::max());
  finishing_ = false;
  step_ended_.notify_all();
}

asio::awaitable<void> Cleanup::call_back(InstanceId id) {
  if (!callback_) co_return;
  std::exception_ptr error;
  try {
    co_await run_on(context_.executor, callback_(id));
  } catch (...) {
    error = std::current_exception();
  }
  const auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) {
    throw boost::system::system_error(asio::error::operation_aborted);
  }
  if (error) {
    context_.log(LogLevel::error, "a mesh callback threw: " + describe_error(error));
  }
}

asio::awaitable<void> Cleanup::stop(TimePoint deadline) {
  const auto self = shared_from_this();
  if (queue_.size() > 1) queue_.erase(queue_.begin() + 1, queue_.end());
  while (is_worth_waiting()) {
    if (!co_await step_ended_.wait_until(deadline)) break;
  }
  abandon();
  co_await reports_.join_until(deadline);
}

bool Cleanup::is_worth_waiting() const {
  return in_callback_ || (finishing_ && registry_->is_connected());
}

void Cleanup::abandon() {
  queue_.clear();
  in_callback_ = false;
  finishing_ = false;
  reports_.cancel_all();
}

}  // namespace mesh::core
