#include <support/child_process.hpp>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include <support/environment.hpp>
#include <support/wait.hpp>

namespace mesh::test {

namespace {

struct Pipe {
  Descriptor read_end;
  Descriptor write_end;

  Pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
      throw std::system_error(errno, std::generic_category(), "pipe2");
    }
    read_end = Descriptor(ends[0]);
    write_end = Descriptor(ends[1]);
  }
};

/// A pipe made of sockets: Asio can write to it without the risk of SIGPIPE.
struct SocketPipe {
  Descriptor read_end;
  Descriptor write_end;

  SocketPipe() {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
      throw std::system_error(errno, std::generic_category(), "socketpair");
    }
    read_end = Descriptor(ends[0]);
    write_end = Descriptor(ends[1]);
  }
};

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* variable = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
  std::string_view folders = variable != nullptr ? variable : "/usr/bin:/bin";
  while (!folders.empty()) {
    const std::size_t end = std::min(folders.find(':'), folders.size());
    std::string candidate = std::string(folders.substr(0, end)) + "/" + name;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
    folders.remove_prefix(std::min(end + 1, folders.size()));
  }
  throw std::runtime_error("program not found in PATH: " + name);
}

std::vector<std::string> child_environment(const std::map<std::string, std::string>& additions) {
  std::vector<std::string> lines;
  for (std::string& line : environment_lines()) {
    const std::string name = line.substr(0, line.find('='));
    if (!is_redis_variable(name) && !additions.contains(name)) lines.push_back(std::move(line));
  }
  for (const auto& [name, value] : additions) lines.push_back(name + "=" + value);
  return lines;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& text : strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

Descriptor open_file(const char* path, int flags) {
  Descriptor file(::open(path, flags | O_CLOEXEC, 0644));
  if (file.get() < 0) throw std::system_error(errno, std::generic_category(), path);
  return file;
}

struct Launch {
  const char* program = nullptr;
  char** arguments = nullptr;
  char** environment = nullptr;
  int input = -1;
  int output = -1;
  int error = -1;
  int report = -1;
  int descriptor_limit = 0;
  pid_t parent = 0;
};

// Between fork and exec only async-signal-safe calls: other threads may hold any lock.
[[noreturn]] void run_child(const Launch& launch) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != launch.parent) _exit(127);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  dup2(launch.input, STDIN_FILENO);
  dup2(launch.output, STDOUT_FILENO);
  dup2(launch.error, STDERR_FILENO);
  for (int number = STDERR_FILENO + 1; number < launch.descriptor_limit; ++number) {
    fcntl(number, F_SETFD, FD_CLOEXEC);
  }
  execve(launch.program, launch.arguments, launch.environment);
  const int cause = errno;
  [[maybe_unused]] const ssize_t written = write(launch.report, &cause, sizeof(cause));
  _exit(127);
}

int descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 4096));
}

ExitStatus to_exit_status(int raw) {
  ExitStatus status;
  if (WIFEXITED(raw)) status.code = WEXITSTATUS(raw);
  if (WIFSIGNALED(raw)) status.signal = WTERMSIG(raw);
  return status;
}

}  // namespace

ChildProcess::ChildProcess(const ProcessOptions& options) : output_(options.output) {
  start(options);
}

void ChildProcess::start(const ProcessOptions& options) {
  const std::string program = find_program(options.command.at(0));
  std::vector<std::string> arguments = options.command;
  std::vector<std::string> environment = child_environment(options.environment);
  std::vector<char*> argument_pointers = pointers(arguments);
  std::vector<char*> environment_pointers = pointers(environment);

  Pipe report;
  std::optional<SocketPipe> input;
  std::optional<Pipe> output;
  Descriptor null_input = open_file("/dev/null", O_RDONLY);
  Descriptor file;
  if (!output_.empty()) file = open_file(output_.c_str(), O_WRONLY | O_CREAT | O_APPEND);

  Launch launch;
  launch.program = program.c_str();
  launch.arguments = argument_pointers.data();
  launch.environment = environment_pointers.data();
  launch.input = null_input.get();
  launch.output = output_.empty() ? STDOUT_FILENO : file.get();
  launch.error = output_.empty() ? STDERR_FILENO : file.get();
  launch.report = report.write_end.get();
  launch.descriptor_limit = descriptor_limit();
  launch.parent = getpid();
  if (options.piped) {
    input.emplace();
    output.emplace();
    launch.input = input->read_end.get();
    launch.output = output->write_end.get();
  }

  pid_ = fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid_ == 0) run_child(launch);

  report.write_end.reset();
  int cause = 0;
  if (read(report.read_end.get(), &cause, sizeof(cause)) == sizeof(cause)) {
    kill();
    throw std::system_error(cause, std::generic_category(), "cannot execute " + program);
  }
  if (options.piped) {
    standard_input_ = std::move(input->write_end);
    standard_output_ = std::move(output->read_end);
  }
}

ChildProcess::~ChildProcess() { kill(); }

std::optional<ExitStatus> ChildProcess::exit_status() {
  int raw = 0;
  if (!status_ && waitpid(pid_, &raw, WNOHANG) == pid_) status_ = to_exit_status(raw);
  return status_;
}

bool ChildProcess::is_running() { return !exit_status().has_value(); }

std::optional<ExitStatus> ChildProcess::wait(std::chrono::milliseconds timeout) {
  wait_until([this] { return !is_running(); }, timeout);
  return status_;
}

void ChildProcess::signal(int number) {
  if (is_running()) ::kill(pid_, number);
}

ExitStatus ChildProcess::kill() {
  signal(SIGKILL);
  if (!status_) {
    int raw = 0;
    while (waitpid(pid_, &raw, 0) < 0 && errno == EINTR) {
    }
    status_ = to_exit_status(raw);
  }
  return *status_;
}

ExitStatus ChildProcess::terminate(std::chrono::milliseconds timeout) {
  signal(SIGTERM);
  const auto status = wait(timeout);
  return status ? *status : kill();
}

void ChildProcess::pause() {
  if (paused_ || !is_running()) return;
  signal(SIGSTOP);
  paused_ = true;
  int raw = 0;
  while (!status_ && waitpid(pid_, &raw, WUNTRACED) < 0 && errno == EINTR) {
  }
  if (!status_ && !WIFSTOPPED(raw)) status_ = to_exit_status(raw);
}

void ChildProcess::resume() {
  signal(SIGCONT);
  paused_ = false;
}

std::string ChildProcess::output() const { return read_file(output_); }

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace mesh::test
