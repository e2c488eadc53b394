#include <support/child_process.hpp>

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <stdexcept>

#include <support/env_var.hpp>
#include <support/temp_dir.hpp>
#include <support/wait.hpp>

namespace mesh::test {
namespace {

using namespace std::chrono_literals;

ProcessOptions shell(const std::string& script, const TempDir& directory) {
  ProcessOptions options;
  options.command = {"sh", "-c", script};
  options.output = directory.path() / "out";
  return options;
}

TEST(TempDir, IsRemovedWithItsContent) {
  std::filesystem::path path;
  {
    const TempDir directory;
    path = directory.path();
    std::filesystem::create_directories(path / "a" / "b");
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ChildProcess, ReportsExitCodeAndBothOutputs) {
  const TempDir directory;
  ChildProcess process(shell("echo out; echo err >&2; exit 3", directory));
  const auto status = process.wait(20s);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->code, 3);
  EXPECT_EQ(process.output(), "out\nerr\n");
}

TEST(ChildProcess, PassesVariablesButNotTheLibrarysOwn) {
  const EnvVar leaked("REDIS_HOST", "leaked");
  const EnvVar replaced("MESH_TEST_VARIABLE", "old");
  const TempDir directory;
  ProcessOptions options =
      shell("echo \"$REDIS_HOST,$MESH_REDIS_PORT,$MESH_TEST_VARIABLE\"", directory);
  options.environment = {{"MESH_REDIS_PORT", "7"}, {"MESH_TEST_VARIABLE", "new"}};
  ChildProcess process(options);
  ASSERT_TRUE(process.wait(20s));
  EXPECT_EQ(process.output(), ",7,new\n");
}

TEST(ChildProcess, IsKilledAndReapedByItsDestructor) {
  const TempDir directory;
  pid_t pid = 0;
  {
    const ChildProcess process(shell("exec sleep 600", directory));
    pid = process.pid();
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST(ChildProcess, WaitGivesUpAtTheDeadline) {
  const TempDir directory;
  ChildProcess process(shell("exec sleep 600", directory));
  EXPECT_FALSE(process.wait(20ms));
  EXPECT_TRUE(process.is_running());
  EXPECT_EQ(process.terminate().signal, SIGTERM);
  EXPECT_FALSE(process.is_running());
}

TEST(ChildProcess, StandsStillWhilePaused) {
  const TempDir directory;
  ChildProcess process(shell("while true; do echo x; sleep 0.01; done", directory));
  ASSERT_TRUE(wait_until([&] { return !process.output().empty(); }));
  process.pause();
  const auto before = process.output();
  std::this_thread::sleep_for(200ms);
  EXPECT_EQ(process.output(), before);
  process.resume();
  EXPECT_TRUE(wait_until([&] { return process.output() != before; }));
  process.pause();
  EXPECT_EQ(process.kill().signal, SIGKILL);
}

TEST(ChildProcess, UnknownProgramIsAnError) {
  ProcessOptions options;
  options.command = {"mesh-no-such-program"};
  EXPECT_THROW(ChildProcess{options}, std::runtime_error);
  options.command = {"/mesh-no-such-program"};
  EXPECT_THROW(ChildProcess{options}, std::runtime_error);
}

TEST(ChildProcess, InheritsNoDescriptors) {
  const TempDir directory;
  const Descriptor leaky(::dup(0));
  ChildProcess process(shell("ls /proc/self/fd | wc -l", directory));
  ASSERT_TRUE(process.wait(20s));
  EXPECT_EQ(std::stoi(process.output()), 4);  // the standard ones and the folder itself
}

}  // namespace
}  // namespace mesh::test
