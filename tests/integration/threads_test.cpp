#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <integration/support/mesh_test.hpp>
#include <integration/support/outcome.hpp>
#include <support/wait.hpp>

namespace mesh::test {
namespace {

class Threads : public MeshTest {
 protected:
  static constexpr int thread_count = 4;

  ~Threads() override {
    pool_.stop();
    pool_.join();
  }

  std::unique_ptr<Service> make_pool_node() {
    const MeshOptions node_options = options();
    return std::make_unique<Service>(pool_.get_executor(), key(), node_options);
  }
  std::unique_ptr<Service> start_pool_node() {
    auto node = make_pool_node();
    get(node->start(asio::use_future));
    return node;
  }
  static void stop(Service& node) { get(node.stop(asio::use_future)); }

  /// As `future.get()`, but never for good.
  template <typename Result>
  static Result get(std::future<Result> future) {
    if (future.wait_for(30s) != std::future_status::ready) {
      throw std::runtime_error("the future does not become ready");
    }
    return future.get();
  }

  asio::thread_pool& pool() { return pool_; }

 private:
  asio::thread_pool pool_{thread_count};
};

TEST_F(Threads, FuturesWorkForEveryOperation) {
  const auto node = start_pool_node();
  const auto other = start_pool_node();
  EXPECT_EQ(node->instance_id(), 1);
  other->register_handler<"echo">([](Text text) { return text; });
  other->register_handler<"nothing">([] {});
  const Text request = text_of("future");
  EXPECT_EQ(get(node->invoke<"echo">(2, request, {}, asio::use_future)).text, "future");
  get(node->invoke<"nothing">(2, {}, asio::use_future));
  EXPECT_EQ(get(node->get_nodes(asio::use_future)).size(), 2U);
  std::atomic<int> heard = 0;
  other->register_broadcast_handler<"news">([&](const Text&) { ++heard; });
  get(node->broadcast<"news">(request, {}, asio::use_future));
  EXPECT_TRUE(wait_until([&] { return heard == 1; }));
  EXPECT_THROW(get(node->invoke<"ask">(2, {}, asio::use_future)), MeshNoHandlerError);
  EXPECT_THROW(get(node->invoke<"ask">(1, {}, asio::use_future)), MeshNoHandlerError);
  EXPECT_THROW(get(node->start(asio::use_future)), MeshAlreadyRunningError);
  stop(*other);
  stop(*node);
}

TEST_F(Threads, ManyThreadsMayCallAtOnce) {
  const auto caller = start_pool_node();
  const auto target = start_pool_node();
  std::atomic<int> served = 0;
  target->register_handler<"echo">([&](Text text) {
    ++served;
    return text;
  });
  caller->register_handler<"echo">([](Text text) { return text; });
  constexpr int callers = 6;
  constexpr int calls = 150;
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < callers; ++t) {
    threads.emplace_back([&, t] {
      std::vector<std::future<Text>> futures;
      for (int i = 0; i < calls; ++i) {
        const Text request = text_of(std::to_string(t) + "/" + std::to_string(i));
        const InstanceId id = i % 3 == 0 ? 1 : 2;
        futures.push_back(caller->invoke<"echo">(id, request, {}, asio::use_future));
      }
      for (int i = 0; i < calls; ++i) {
        const Text reply = get(std::move(futures[static_cast<std::size_t>(i)]));
        if (reply.text == std::to_string(t) + "/" + std::to_string(i)) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, callers * calls);
  EXPECT_EQ(served, callers * calls * 2 / 3);
  EXPECT_EQ(caller->stats().calls_succeeded, static_cast<unsigned>(served));
  stop(*target);
  stop(*caller);
}

TEST_F(Threads, HandlersRunInParallelOnAPool) {
  const auto caller = start_pool_node();
  const auto target = start_pool_node();
  std::atomic<int> inside = 0;
  target->register_handler<"nothing">([&] {
    ++inside;
    EXPECT_TRUE(wait_until([&] { return inside == 2; }));
  });
  auto first = caller->invoke<"nothing">(2, {}, asio::use_future);
  auto second = caller->invoke<"nothing">(2, {}, asio::use_future);
  get(std::move(first));
  get(std::move(second));
  stop(*target);
  stop(*caller);
}

TEST_F(Threads, EverythingMayBeUsedFromAnyThreadWhileRunning) {
  const auto node = start_pool_node();
  const auto other = start_pool_node();
  other->register_handler<"ask">([] { return text_of("0"); });
  std::atomic<bool> over = false;
  const auto repeat = [&](auto action) {
    return std::thread([&over, action] {
      while (!over) action();
    });
  };
  std::vector<std::thread> threads;
  threads.push_back(repeat([&] { other->register_handler<"ask">([] { return text_of("n"); }); }));
  threads.push_back(repeat([&] { node->register_broadcast_handler<"signal">([] {}); }));
  threads.push_back(repeat([&] {
    node->set_node_cleaned_up_callback([](InstanceId) {});
    node->leader().set_became_leader_callback([] {});
  }));
  threads.push_back(repeat([&] {
    EXPECT_EQ(node->instance_id(), 1);
    static_cast<void>(node->stats());
    static_cast<void>(node->leader().is_leader());
    static_cast<void>(node->leader().fencing_token());
  }));
  threads.push_back(repeat([&] {
    EXPECT_EQ(get(node->get_nodes(asio::use_future)).size(), 2U);
    get(node->broadcast<"signal">({}, asio::use_future));
  }));
  for (int i = 0; i < 200; ++i) get(node->invoke<"ask">(2, {}, asio::use_future));
  over = true;
  for (std::thread& thread : threads) thread.join();
  stop(*other);
  stop(*node);
}

TEST_F(Threads, EachCallEndsOnceWhenTheServiceStopsUnderLoad) {
  const auto caller = start_pool_node();
  const auto target = start_pool_node();
  target->register_handler<"echo">([](Text text) { return text; });
  std::atomic<bool> over = false;
  std::atomic<int> begun = 0;
  std::atomic<int> succeeded = 0;
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      const Text request = text_of("x");
      while (!over) {
        if (begun - succeeded - failed > 200) {
          std::this_thread::yield();
          continue;
        }
        ++begun;
        caller->invoke<"echo">(2, request, {}, [&](const std::exception_ptr& error, const Text&) {
          try {
            if (error) std::rethrow_exception(error);
            ++succeeded;
          } catch (const MeshStoppedError&) {
            ++failed;
          } catch (const MeshNotRunningError&) {
            ++failed;
          }
        });
      }
    });
  }
  EXPECT_TRUE(wait_until([&] { return succeeded > 100; }));
  stop(*caller);
  over = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(wait_until([&] { return succeeded + failed == begun; }));
  const MeshStats stats = caller->stats();
  EXPECT_EQ(stats.calls_sent, stats.calls_succeeded + stats.calls_failed);
  stop(*target);
}

TEST_F(Threads, StartAndStopMayRaceFromSeveralThreads) {
  const auto node = make_pool_node();
  std::vector<std::thread> threads;
  std::atomic<int> unexpected = 0;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) {
        try {
          get(node->start(asio::use_future));
        } catch (const MeshAlreadyRunningError&) {
        } catch (const MeshStoppedError&) {
        } catch (...) {
          ++unexpected;
        }
        try {
          get(node->stop(asio::use_future));
        } catch (...) {
          ++unexpected;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(unexpected, 0);
  stop(*node);
  EXPECT_EQ(node->instance_id(), 0);
  EXPECT_FALSE(probe().exists(name("heartbeats")));
}

TEST_F(Threads, AServiceMayBeDestroyedOnAnyThreadWithCallsPending) {
  const auto target = start_pool_node();
  target->register_handler<"nothing">([]() -> asio::awaitable<void> { co_await sleep_for(10min); });
  for (int round = 0; round < 10; ++round) {
    auto caller = start_pool_node();
    std::vector<Outcome<void>> outcomes(20);
    for (const auto& outcome : outcomes) caller->invoke<"nothing">(1, {}, outcome.token());
    std::thread destroyer([&] { caller.reset(); });
    destroyer.join();
    for (const auto& outcome : outcomes) EXPECT_TRUE(wait_until([&] { return outcome.done(); }));
  }
  stop(*target);
}

TEST_F(Threads, NoHandlerBeginsAfterTheDestructorOfItsService) {
  const auto caller = start_pool_node();
  std::atomic<int> begun = 0;
  for (int round = 0; round < 10; ++round) {
    std::atomic<bool> is_destroyed = false;
    std::atomic<int> late = 0;
    auto target = start_pool_node();
    const auto begin = [&] {
      ++begun;
      if (is_destroyed) ++late;
    };
    target->register_handler<"nothing">([&] { begin(); });
    target->register_handler<"ask">([&]() -> asio::awaitable<Text> {
      begin();
      co_return Text{};
    });
    std::vector<Outcome<void>> plain(64);
    std::vector<Outcome<Text>> coroutines(64);
    const InvokeOptions quick{.timeout = 500ms};
    const int before = begun;
    for (std::size_t i = 0; i < plain.size(); ++i) {
      caller->invoke<"nothing">(target->instance_id(), quick, plain[i].token());
      caller->invoke<"ask">(target->instance_id(), quick, coroutines[i].token());
    }
    ASSERT_TRUE(wait_until([&] { return begun > before; }));
    target.reset();
    is_destroyed = true;
    const auto all_done = [](const auto& outcomes) {
      return std::ranges::all_of(outcomes, [](const auto& outcome) { return outcome.done(); });
    };
    ASSERT_TRUE(wait_until([&] { return all_done(plain) && all_done(coroutines); }));
    // What a thread was just about to begin counts as begun.
    EXPECT_LE(late, thread_count) << "round " << round;
  }
  stop(*caller);
}

// Where completions run ---------------------------------------------------------------------------

/// An io_context that a thread of its own runs.
class OwnThread {
 public:
  OwnThread() : work_(asio::make_work_guard(context_)), thread_([this] { context_.run(); }) {}
  ~OwnThread() {
    work_.reset();
    thread_.join();
  }
  OwnThread(const OwnThread&) = delete;
  OwnThread& operator=(const OwnThread&) = delete;

  auto executor() { return context_.get_executor(); }
  std::thread::id id() const { return thread_.get_id(); }

 private:
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

TEST_F(Threads, CompletionsRunOnTheExecutorBoundToTheToken) {
  const auto node = start_pool_node();
  const auto target = start_pool_node();
  target->register_handler<"ask">([] { return text_of("x"); });
  node->register_handler<"ask">([] { return text_of("x"); });
  OwnThread own;
  std::atomic<int> done = 0;
  std::atomic<int> elsewhere = 0;
  const auto note = [&](const auto&...) {
    if (std::this_thread::get_id() != own.id()) ++elsewhere;
    ++done;
  };
  const auto token = [&] { return asio::bind_executor(own.executor(), note); };
  node->invoke<"ask">(2, {}, token());      // remote
  node->invoke<"ask">(1, {}, token());      // local
  node->invoke<"ask">(3, {}, token());      // unreachable
  node->invoke<"nothing">(1, {}, token());  // refused at once
  node->get_nodes(token());
  node->broadcast<"signal">({}, token());
  node->start(token());
  EXPECT_TRUE(wait_until([&] { return done == 7; }));
  node->stop(token());
  EXPECT_TRUE(wait_until([&] { return done == 8; }));
  node->invoke<"ask">(2, {}, token());
  EXPECT_TRUE(wait_until([&] { return done == 9; }));
  EXPECT_EQ(elsewhere, 0);
  stop(*target);
}

TEST_F(Threads, PlainCallbacksRunOnTheServicesExecutorNeverWithinTheCall) {
  asio::io_context context;
  const MeshOptions node_options = options();
  const auto node = std::make_unique<Service>(context.get_executor(), key(), node_options);
  node->register_handler<"ask">([] { return text_of("x"); });
  std::thread::id place;
  int done = 0;
  const auto note = [&](const auto&...) {
    place = std::this_thread::get_id();
    ++done;
  };
  node->invoke<"ask">(2, {}, note);  // fails at once: not running
  EXPECT_EQ(done, 0);
  node->start(note);
  EXPECT_EQ(done, 0);
  std::thread runner([&] {
    while (done < 2) context.run_one_for(100ms);
  });
  const auto runner_id = runner.get_id();
  runner.join();
  EXPECT_EQ(place, runner_id);

  bool called_within = false;
  asio::post(context, [&] {
    const int before = done;
    node->invoke<"ask">(1, {}, note);
    node->invoke<"ask">(2, {}, note);
    node->stop(note);
    called_within = done != before;
  });
  while (done < 5) context.run_one_for(100ms);
  EXPECT_FALSE(called_within);
}

TEST_F(Threads, CoroutinesGoOnOnTheirOwnExecutor) {
  const auto node = start_pool_node();
  const auto target = start_pool_node();
  target->register_handler<"ask">([] { return text_of("x"); });
  node->register_handler<"ask">([] { return text_of("x"); });
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto here = std::this_thread::get_id();
    co_await node->invoke<"ask">(2);
    EXPECT_EQ(std::this_thread::get_id(), here);
    co_await node->invoke<"ask">(1);
    EXPECT_EQ(std::this_thread::get_id(), here);
    co_await node->get_nodes();
    EXPECT_EQ(std::this_thread::get_id(), here);
    co_await node->broadcast<"signal">();
    EXPECT_EQ(std::this_thread::get_id(), here);
    co_await expect_error<MeshNodeUnreachableError>(node->invoke<"ask">(3));
    EXPECT_EQ(std::this_thread::get_id(), here);
    co_await node->stop();
    EXPECT_EQ(std::this_thread::get_id(), here);
    co_await node->start();
    EXPECT_EQ(std::this_thread::get_id(), here);
  });
  stop(*node);
  stop(*target);
}

TEST_F(Threads, LocalHandlersRunOnTheServicesExecutor) {
  OwnThread own;
  const MeshOptions node_options = options();
  Service node(own.executor(), key(), node_options);
  std::atomic<int> elsewhere = 0;
  node.register_handler<"nothing">([&] {
    if (std::this_thread::get_id() != own.id()) ++elsewhere;
  });
  get(node.start(asio::use_future));
  run_coroutine([&]() -> asio::awaitable<void> { co_await node.invoke<"nothing">(1); });
  get(node.invoke<"nothing">(1, {}, asio::use_future));
  EXPECT_EQ(elsewhere, 0);
  stop(node);
}

TEST_F(Threads, DeferredOperationsStartWhenTheyAreLaunched) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    const auto target = co_await start_node();
    int runs = 0;
    target->register_handler<"echo">([&](Text text) {
      ++runs;
      return text;
    });
    Text request = text_of("deferred");
    auto operation = node->invoke<"echo">(2, request, {}, asio::deferred);
    request.text = "changed meanwhile";
    auto listing = node->get_nodes(asio::deferred);
    EXPECT_TRUE(co_await heartbeats_pass(1, 2));
    EXPECT_EQ(runs, 0);
    const Text first = co_await operation(asio::use_awaitable);
    EXPECT_EQ(first.text, "deferred");
    const Text reply = co_await std::move(operation)(asio::use_awaitable);
    EXPECT_EQ(reply.text, "deferred");
    EXPECT_EQ(runs, 2);
    EXPECT_EQ((co_await std::move(listing)(asio::use_awaitable)).size(), 2U);
    co_await target->stop();
    co_await node->stop();
  });
}

TEST_F(Threads, TupleTokensBringErrorsAsValues) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const auto node = co_await start_node();
    constexpr auto token = asio::as_tuple(asio::use_awaitable);
    auto [error, reply] = co_await node->invoke<"ask">(2, {}, token);
    EXPECT_TRUE(error != nullptr);
    auto [no_error, nodes] = co_await node->get_nodes(token);
    EXPECT_TRUE(no_error == nullptr);
    EXPECT_EQ(nodes.size(), 1U);
    co_await node->stop();
  });
}

}  // namespace
}  // namespace mesh::test
