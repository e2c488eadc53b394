#include <core/cleanup.hpp>

#include <algorithm>
#include <exception>
#include <set>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <mesh/errors.hpp>

#include <async/run_on.hpp>
#include <util/boot_clock.hpp>
#include <util/describe_error.hpp>

namespace mesh::core {

Cleanup::Cleanup(Context context, std::shared_ptr<Registry> registry)
    : context_(std::move(context)),
      registry_(std::move(registry)),
      step_ended_(context_.strand),
      reports_(context_.strand, [log = context_.log](const std::exception_ptr& error) {
        log(LogLevel::error, "the reports of removed nodes ended: " + describe_error(error));
      }) {}

asio::awaitable<bool> Cleanup::run(InstanceId self, const Registry::Mandate& mandate) {
  // However late the answer is, it should be heard: it says what is to be reported.
  is_incomplete_ = true;
  auto reports = co_await registry_->remove_dead(self, mandate, TimePoint::max());
  if (!reports) co_return false;
  is_incomplete_ = false;
  enqueue(std::move(*reports));
  co_return true;
}

asio::awaitable<void> Cleanup::complete(InstanceId self) {
  Registry::Reports reports = co_await registry_->list_reports(self, TimePoint::max());
  is_incomplete_ = false;
  enqueue(std::move(reports));
}

void Cleanup::enqueue(Registry::Reports reports) {
  // What Redis does not know any more will not come again.
  const std::set<Registry::Report> noted(reports.begin(), reports.end());
  std::erase_if(called_back_,
                [&noted](const Registry::Report& report) { return !noted.contains(report); });
  const bool was_idle = queue_.empty();
  const std::set<Registry::Report> queued(queue_.begin(), queue_.end());
  for (Registry::Report& report : reports) {
    if (queued.contains(report)) continue;
    if (!has_called_back(report)) {
      context_.log(LogLevel::info, "removed node " + std::to_string(report.id) +
                                       ": no heartbeat for " +
                                       std::to_string(context_.node_ttl.count()) + " ms");
    }
    queue_.push_back(std::move(report));
  }
  if (was_idle && !queue_.empty()) reports_.spawn(report_all(shared_from_this()));
}

asio::awaitable<void> Cleanup::report_all(std::shared_ptr<Cleanup> /*self*/) {
  while (!queue_.empty()) {
    const Registry::Report next = queue_.front();
    std::exception_ptr error;
    try {
      co_await report(next);
    } catch (const MeshError&) {
      error = std::current_exception();
    }
    if (error) {
      is_incomplete_ = true;
      context_.log(LogLevel::warning,
                   "the report of a removed node is delayed: " + describe_error(error));
    }
    begin(Step::idle);
    queue_.pop_front();
  }
}

bool Cleanup::has_called_back(const Registry::Report& report) const {
  return std::ranges::find(called_back_, report) != called_back_.end();
}

asio::awaitable<void> Cleanup::report(const Registry::Report& report) {
  if (!has_called_back(report)) {
    begin(Step::asking);
    const bool may_report = co_await is_ours(report);
    if (!may_report) co_return;
    begin(Step::calling_back);
    co_await call_back(report.id);
    called_back_.push_back(report);
  }
  begin(Step::finishing);
  co_await registry_->finish_report(report, TimePoint::max());
  std::erase(called_back_, report);
}

// If this node was frozen, or the machine suspended, the report may be another's by now. That goes
// for the time until the answer is heard, too: what came late proves nothing any more.
asio::awaitable<bool> Cleanup::is_ours(const Registry::Report& report) {
  constexpr int most_attempts = 3;
  const auto quick = BootClock::duration(context_.node_ttl) / 4;
  for (int i = 0; i < most_attempts; ++i) {
    const auto asked_at = BootClock::now();
    const bool is_current = co_await registry_->is_current(report, TimePoint::max());
    if (!is_current || BootClock::now() - asked_at < quick) co_return is_current;
  }
  throw MeshRedisError("Redis takes longer than a quarter of node_ttl to say whose the report is");
}

// After a cancellation this throws, so that whoever ignored it changes nothing any more.
asio::awaitable<void> Cleanup::call_back(InstanceId id) {
  if (!callback_) co_return;
  std::exception_ptr error;
  try {
    co_await run_on(context_.executor, detail::run_if_open(context_.gate, callback_(id)));
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
  return step_ == Step::calling_back || (step_ == Step::finishing && registry_->is_connected());
}

void Cleanup::begin(Step step) {
  step_ = step;
  step_ended_.notify_all();
}

void Cleanup::abandon() {
  queue_.clear();
  called_back_.clear();
  is_incomplete_ = false;
  step_ = Step::idle;
  reports_.cancel_all();
}

}  // namespace mesh::core
