#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <mesh/detail/callback.hpp>
#include <mesh/detail/gate.hpp>
#include <mesh/log.hpp>
#include <mesh/node.hpp>

#include <async/event.hpp>
#include <async/strand.hpp>
#include <async/task_group.hpp>
#include <core/registry.hpp>

namespace mesh::core {

/// The leader's duty: removes dead nodes and reports each to the application. Redis keeps what is
/// not reported yet, so if this node dies in between, the next leader reports it. All members must
/// be called on the strand.
class Cleanup : public std::enable_shared_from_this<Cleanup> {
 public:
  struct Context {
    Strand strand;
    asio::any_io_executor executor;  ///< Where the callback runs.
    std::chrono::milliseconds node_ttl{0};
    LogSink log;
    /// Of the callback.
    std::shared_ptr<const detail::Gate> gate = std::make_shared<detail::Gate>();
  };

  Cleanup(Context context, std::shared_ptr<Registry> registry);
  Cleanup(const Cleanup&) = delete;
  Cleanup& operator=(const Cleanup&) = delete;

  void set_callback(detail::AsyncCallback<InstanceId> callback) { callback_ = std::move(callback); }

  /// One cleanup by the node `self`; the reports go on by themselves. False if the mandate is
  /// not valid, which must outlive the operation. Throws as `Registry::remove_dead()`.
  asio::awaitable<bool> run(InstanceId self, const Registry::Mandate& mandate);

  /// Whether there may be reports of this node that it has not heard of, or not finished, because
  /// of a fault.
  bool is_incomplete() const { return is_incomplete_; }
  /// Makes up for that; also for a node that does not lead any more. Throws as `run()`.
  asio::awaitable<void> complete(InstanceId self);

  /// Leaves what is not reported yet to the next leader, except for the report under way, which has
  /// until the deadline.
  asio::awaitable<void> stop(TimePoint deadline);
  /// The same without waiting.
  void abandon();

 private:
  enum class Step { idle, asking, calling_back, finishing };

  void enqueue(Registry::Reports reports);
  asio::awaitable<void> report_all(std::shared_ptr<Cleanup> self);
  asio::awaitable<void> report(const Registry::Report& report);
  asio::awaitable<bool> is_ours(const Registry::Report& report);
  asio::awaitable<void> call_back(InstanceId id);
  bool has_called_back(const Registry::Report& report) const;
  void begin(Step step);
  bool is_worth_waiting() const;

  Context context_;
  std::shared_ptr<Registry> registry_;
  detail::AsyncCallback<InstanceId> callback_;
  std::deque<Registry::Report> queue_;  // the first one is being reported
  Registry::Reports called_back_;       // what only remains to be finished
  bool is_incomplete_ = false;
  Step step_ = Step::idle;
  Event step_ended_;
  TaskGroup reports_;
};

}  // namespace mesh::core
