#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <integration/support/patient_nodes_test.hpp>
#include <support/coroutine.hpp>
#include <support/redis_probe.hpp>

namespace mesh::test::faults {
namespace {

constexpr int calls_of_each = 30;

/// The id of the node that both call, once it is there.
asio::awaitable<InstanceId> find_target(Node& node) {
  InstanceId target = 0;
  auto is_there = [&]() -> asio::awaitable<bool> {
    for (const MeshNode& found : co_await node.get_nodes()) {
      if (found.hostname == "target") target = found.instance_id;
    }
    co_return target != 0;
  };
  co_await eventually(is_there);
  co_return target;
}

/// Counts the workers that have finished, on a connection of the process's own.
class FinishLine {
 public:
  FinishLine(const RedisOptions& redis, std::string key)
      : key_(std::move(key)), probe_(RedisProbe(redis).at_primary_of(key_)) {}

  void cross() { probe_.command({"INCR", key_}); }
  bool crossed_by_both() { return probe_.get(key_) == "2"; }

 private:
  std::string key_;
  RedisProbe probe_;
};

/// Calls the target; returns how many answers are those to the worker's own calls.
asio::awaitable<int> work(Node& node, FinishLine finish_line, std::string name) {
  co_await node.start();
  const InstanceId target = co_await find_target(node);
  int right = 0;
  for (int i = 0; i < calls_of_each; ++i) {
    const std::string text = name + std::to_string(i);
    const std::string answer = co_await node.invoke<"echo">(target, text, {.timeout = 20s});
    right += answer == text ? 1 : 0;
  }
  // The other one may still be calling.
  finish_line.cross();
  const auto both_have_finished = [&] { return finish_line.crossed_by_both(); };
  co_await eventually(both_have_finished);
  co_await node.stop();
  co_return right;
}

int run(asio::io_context& context, Node& node, FinishLine finish_line, const std::string& name,
        const std::function<void()>& on_end) {
  int right = 0;
  auto finish = [&](const std::exception_ptr& error, int count) {
    right = error ? -1 : count;
    on_end();
  };
  asio::co_spawn(context, work(node, std::move(finish_line), name), finish);
  context.run();
  return right;
}

class Fork : public PatientNodesTest {
 protected:
  FinishLine finish_line() const { return FinishLine(redis().admin_options(), name("finished")); }
};

TEST_F(Fork, WorkersThatAreForkedAfterConstructionGetTheirOwnAnswers) {
  asio::io_context context;
  std::optional<Node> node;
  node.emplace(context.get_executor(), key(), patient());
  context.notify_fork(asio::execution_context::fork_prepare);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    context.notify_fork(asio::execution_context::fork_child);
    const bool is_right = run(context, *node, finish_line(), "child ", [] {}) == calls_of_each;
    _exit(is_right ? 0 : 1);
  }
  context.notify_fork(asio::execution_context::fork_parent);
  MeshOptions options = patient();
  options.hostname = "target";
  Node target(context.get_executor(), key(), options);
  register_handlers(target);
  target.start(asio::detached);
  const auto stop_target = [&] { target.stop(asio::detached); };
  EXPECT_EQ(run(context, *node, finish_line(), "parent ", stop_target), calls_of_each);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

}  // namespace
}  // namespace mesh::test::faults
