#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <support/descriptor.hpp>

namespace mesh::test {

struct ProcessOptions {
  /// The program, looked up in PATH, and its arguments.
  std::vector<std::string> command;
  /// Set in addition to this process' own variables, of which those that configure the library
  /// (REDIS_*, MESH_REDIS_*, MUTEX_REDIS_*) are not passed on.
  std::map<std::string, std::string> environment;
  /// Receives standard output and standard error; empty: both stay those of this process.
  std::filesystem::path output;
  /// Connect standard input (by a unix socket) and standard output (by a pipe) to this process.
  /// Without it standard input is /dev/null.
  bool piped = false;
};

struct ExitStatus {
  std::optional<int> code;    ///< Set if it exited.
  std::optional<int> signal;  ///< Set if a signal ended it.
};

/// A process that is killed and reaped at the latest when this object dies, and that the system
/// kills if the thread that started it ends first. It inherits no descriptors but the standard
/// ones.
class ChildProcess {
 public:
  /// Throws `std::runtime_error` if the program cannot be executed.
  explicit ChildProcess(const ProcessOptions& options);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  bool is_running();
  /// Not set while it runs.
  std::optional<ExitStatus> exit_status();
  /// Blocks; not set if it still runs at the deadline.
  std::optional<ExitStatus> wait(std::chrono::milliseconds timeout);

  /// Does nothing after it ended.
  void signal(int number);
  /// SIGKILL, and reaps it.
  ExitStatus kill();
  /// SIGTERM, and SIGKILL after the timeout.
  ExitStatus terminate(std::chrono::milliseconds timeout = std::chrono::seconds(10));
  /// SIGSTOP; returns once it stands still.
  void pause();
  void resume();

  /// What it has written so far into `ProcessOptions::output`.
  std::string output() const;

  /// Our ends, for `ProcessOptions::piped`.
  Descriptor& standard_input() { return standard_input_; }
  Descriptor& standard_output() { return standard_output_; }

 private:
  void start(const ProcessOptions& options);

  pid_t pid_ = -1;
  std::optional<ExitStatus> status_;
  bool paused_ = false;
  std::filesystem::path output_;
  Descriptor standard_input_;
  Descriptor standard_output_;
};

/// The whole content of a file; empty if it cannot be read.
std::string read_file(const std::filesystem::path& path);

}  // namespace mesh::test
