#include <util/standard_error.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <mesh/log.hpp>
#include <support/descriptor.hpp>
#include <support/env_var.hpp>
#include <support/temp_dir.hpp>

namespace mesh {
namespace {

struct Pipe {
  test::Descriptor reader;
  test::Descriptor writer;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  Pipe result;
  result.reader = test::Descriptor(ends[0]);
  result.writer = test::Descriptor(ends[1]);
  return result;
}

/// Puts another file in the place of standard error for as long as it lives.
class Redirected {
 public:
  explicit Redirected(int target) : original_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) {
    ::dup2(target, STDERR_FILENO);
  }
  ~Redirected() { ::dup2(original_.get(), STDERR_FILENO); }
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;

 private:
  test::Descriptor original_;
};

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Whether the signal has its default effect in this thread and is not waiting for it.
bool is_untouched(int signal) {
  sigset_t pending;
  sigset_t blocked;
  ::sigpending(&pending);
  ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
  return ::sigismember(&pending, signal) == 0 && ::sigismember(&blocked, signal) == 0;
}

/// Logs where nobody reads, and tells by the exit code what became of it.
[[noreturn]] void log_without_a_reader() {
  ::signal(SIGPIPE, SIG_DFL);
  Pipe pipe = make_pipe();
  ::dup2(pipe.writer.get(), STDERR_FILENO);
  pipe.reader.reset();
  stderr_log_sink()(LogLevel::error, "nobody reads this");
  ::_exit(is_untouched(SIGPIPE) ? 0 : 1);
}

[[noreturn]] void log_beyond_the_limit_of_a_file() {
  ::signal(SIGXFSZ, SIG_DFL);
  const test::TempDir directory;
  const test::Descriptor file(
      ::open((directory.path() / "log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  ::dup2(file.get(), STDERR_FILENO);
  const rlimit limit{0, 0};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  stderr_log_sink()(LogLevel::error, "there is no room for this");
  std::filesystem::remove_all(directory.path());
  ::_exit(is_untouched(SIGXFSZ) ? 0 : 1);
}

TEST(StandardErrorDeathTest, AReaderThatHasGoneCostsTheLineOnly) {
  EXPECT_EXIT(log_without_a_reader(), ::testing::ExitedWithCode(0), "");
}

TEST(StandardErrorDeathTest, AFullFileCostsTheLineOnly) {
  EXPECT_EXIT(log_beyond_the_limit_of_a_file(), ::testing::ExitedWithCode(0), "");
}

TEST(StandardError, ASignalThatWaitedBeforeGoesOnWaiting) {
  sigset_t signals;
  sigset_t previous;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &signals, &previous);
  ::pthread_kill(::pthread_self(), SIGPIPE);
  {
    Pipe pipe = make_pipe();
    const Redirected redirected(pipe.writer.get());
    pipe.reader.reset();
    StandardError().write("lost\n");
  }
  const timespec no_wait{};
  EXPECT_EQ(::sigtimedwait(&signals, nullptr, &no_wait), SIGPIPE);
  ::pthread_sigmask(SIG_SETMASK, &previous, nullptr);
}

TEST(StandardError, AFullPipeIsNotWaitedFor) {
  Pipe pipe = make_pipe();
  ASSERT_EQ(::fcntl(pipe.writer.get(), F_SETFL, O_NONBLOCK), 0);
  const std::string filling(4096, 'x');
  while (::write(pipe.writer.get(), filling.data(), filling.size()) > 0) {
  }
  ASSERT_EQ(::fcntl(pipe.writer.get(), F_SETFL, 0), 0);
  const Redirected redirected(pipe.writer.get());
  ::alarm(60);  // ends the program where this waits
  StandardError().write("lost\n");
  ::alarm(0);
}

TEST(StandardError, WritesToWhatItWasWhenMade) {
  const test::TempDir directory;
  const auto path = directory.path() / "log";
  const test::Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const Redirected redirected(file.get());
  StandardError().write("kept\n");
  EXPECT_EQ(contents(path), "kept\n");
}

TEST(StandardError, LeavesAloneWhatHasTakenItsPlace) {
  const test::TempDir directory;
  const auto path = directory.path() / "data";
  const test::Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const StandardError before;
  const Redirected redirected(file.get());
  before.write("astray\n");
  EXPECT_EQ(contents(path), "");
}

/// Runs itself again without a standard error.
TEST(StandardError, LeavesAloneWhatIsDescriptor2WhereItWasClosedAtTheStart) {
  constexpr const char* variable = "MESH_TEST_DATA_FILE";
  if (const char* path = std::getenv(variable)) {
    const int file = ::open(path, O_WRONLY | O_CREAT, 0600);
    ASSERT_EQ(file, STDERR_FILENO);
    stderr_log_sink()(LogLevel::error, "astray");
    EXPECT_EQ(contents(path), "");
    return;
  }
  const test::TempDir directory;
  const test::EnvVar data_file(variable, (directory.path() / "data").string());
  const std::string command =
      "unset GTEST_TOTAL_SHARDS GTEST_SHARD_INDEX; " +
      std::filesystem::read_symlink("/proc/self/exe").string() +
      " --gtest_filter=StandardError.LeavesAloneWhatIsDescriptor2* >/dev/null 2>&-";
  EXPECT_EQ(std::system(command.c_str()), 0);
  EXPECT_TRUE(std::filesystem::exists(directory.path() / "data"));
}

}  // namespace
}  // namespace mesh
