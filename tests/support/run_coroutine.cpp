#include <support/run_coroutine.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

namespace mesh::test {

namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds grace{20};

struct Outcome {
  std::atomic<bool> done = false;
  std::exception_ptr error;
};

std::string current_test() {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  if (test == nullptr) return "the body";
  return std::string(test->test_suite_name()) + "." + test->name();
}

/// Runs a context on this thread and further ones.
class ContextRunner {
 public:
  ContextRunner(asio::io_context& context, std::size_t threads) : context_(context) {
    for (std::size_t i = 1; i < threads; ++i) {
      helpers_.emplace_back([&context] { context.run(); });
    }
  }
  ~ContextRunner() {
    context_.stop();
    for (std::thread& helper : helpers_) helper.join();
  }
  ContextRunner(const ContextRunner&) = delete;
  ContextRunner& operator=(const ContextRunner&) = delete;

  /// False if the predicate does not hold by the deadline.
  template <typename Predicate>
  bool run_until(Predicate predicate, milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (!predicate()) {
      if (std::chrono::steady_clock::now() >= deadline) return false;
      context_.run_for(milliseconds(5));  // the end may come on another thread
    }
    return true;
  }

 private:
  asio::io_context& context_;
  std::vector<std::thread> helpers_;
};

}  // namespace

void run_coroutine_body(const CoroutineBody& body, RunOptions options) {
  const auto outcome = std::make_shared<Outcome>();
  asio::cancellation_signal cancel;
  asio::io_context context;
  const auto strand = asio::make_strand(context);
  auto finish = [outcome](std::exception_ptr error) {
    outcome->error = std::move(error);
    outcome->done = true;
  };
  asio::co_spawn(
      strand, body(context),
      asio::bind_cancellation_slot(cancel.slot(), asio::bind_executor(strand, std::move(finish))));
  {
    std::optional work(asio::make_work_guard(context));
    ContextRunner runner(context, options.threads);
    const auto is_done = [&] { return outcome->done.load(); };
    const auto is_idle = [&] { return context.stopped(); };
    if (runner.run_until(is_done, options.deadline)) {
      work.reset();
      if (options.expect_idle && !runner.run_until(is_idle, grace)) {
        ADD_FAILURE() << current_test() << " left something at work";
      }
    } else {
      ADD_FAILURE() << current_test() << " was not done after " << options.deadline.count()
                    << " ms";
      asio::post(strand, [&cancel] { cancel.emit(asio::cancellation_type::terminal); });
      if (!runner.run_until(is_done, grace)) {
        ADD_FAILURE() << "and it did not react to cancellation";
      }
    }
  }
  cancel.slot().clear();  // what is in there must not outlive the context
  if (outcome->error) std::rethrow_exception(outcome->error);
}

}  // namespace mesh::test
