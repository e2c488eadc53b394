#include "fleet.hpp"

#include <csignal>
#include <utility>

#include <support/wait.hpp>

namespace mesh::chaos {

namespace {

nlohmann::json to_json(const test::ExitStatus& status) {
  nlohmann::json result = nlohmann::json::object();
  if (status.code) result["code"] = *status.code;
  if (status.signal) result["signal"] = *status.signal;
  return result;
}

}  // namespace

Fleet::Fleet(FleetOptions options, World& world, ProxyThread& proxies, Link::OnRequest on_request,
             EventLog& log)
    : options_(std::move(options)),
      world_(world),
      proxies_(proxies),
      on_request_(std::move(on_request)),
      log_(log) {}

std::filesystem::path Fleet::file(const std::string& name, const std::string& suffix) const {
  return options_.folder / (name + suffix);
}

void Fleet::spawn(std::size_t members, std::size_t threads, bool protocol_thread) {
  auto process = std::make_unique<Process>();
  process->name = "p" + std::to_string(++spawned_);
  process->members = members;
  process->threads = threads;
  process->protocol_thread = protocol_thread;
  process->link = std::make_unique<Link>(proxies_, world_, on_request_);

  test::ProcessOptions options;
  options.output = file(process->name, ".out");
  options.environment = {{"ASAN_OPTIONS", "quarantine_size_mb=16"}};
  options.command = {options_.program.string(),
                     "--name=" + process->name,
                     "--log=" + file(process->name, ".jsonl").string(),
                     "--members=" + std::to_string(members),
                     "--threads=" + std::to_string(threads),
                     "--rate=" + std::to_string(options_.rate),
                     "--scale=" + std::to_string(options_.scale),
                     "--port=" + std::to_string(process->link->port())};
  if (protocol_thread) options.command.push_back("--protocol-thread");
  if (world_.has_sentinel()) {
    options.command.push_back("--sentinel-port=" + std::to_string(process->link->sentinel_port()));
    options.command.push_back("--sentinel-name=" + test::SentinelCluster::name());
  }
  if (world_.kind() == RedisKind::cluster) {
    for (const auto& [real, proxy] : process->link->ports()) {
      options.command.push_back("--cluster=" + std::to_string(real) + "=" + std::to_string(proxy));
    }
  }
  process->child = std::make_unique<test::ChildProcess>(options);
  log_.write("spawned", {{"p", process->name},
                         {"pid", process->child->pid()},
                         {"members", members},
                         {"threads", threads}});
  observer_.follow(process->name, file(process->name, ".jsonl"));
  processes_.push_back(std::move(process));
}

std::size_t Fleet::members() const {
  std::size_t sum = 0;
  for (const auto& process : processes_) sum += process->members;
  return sum;
}

std::size_t Fleet::leader() {
  observer_.read();
  return index_of(observer_.leading_process());
}

std::size_t Fleet::index_of(const std::string& name) const {
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    if (processes_[i]->name == name) return i;
  }
  return 0;
}

void Fleet::pause(Process& process) {
  log_.write("paused", {{"p", process.name}});
  process.child->pause();
}

void Fleet::resume(Process& process) {
  process.child->resume();
  log_.write("resumed", {{"p", process.name}});
}

std::unique_ptr<Fleet::Process> Fleet::take(std::size_t index) {
  auto process = std::move(processes_.at(index));
  processes_.erase(processes_.begin() + static_cast<std::ptrdiff_t>(index));
  return process;
}

std::vector<InstanceId> Fleet::kill(std::size_t index) {
  const auto process = take(index);
  const Nanoseconds from = now_ns();
  process->child->kill();
  log_.write("killed", {{"p", process->name}, {"from", from}});
  observer_.read();
  std::vector<InstanceId> ids = registered_members(*process);
  for (const InstanceId id : ids) log_.write("dead", {{"p", process->name}, {"id", id}});
  observer_.forget(process->name);
  return ids;
}

std::vector<InstanceId> Fleet::registered_members(const Process& process) {
  std::vector<InstanceId> ids;
  try {
    test::RedisProbe probe = world_.probe();
    for (const auto& [name, member] : observer_.members()) {
      if (member.process != process.name || member.id == 0) continue;
      const std::string heartbeats = world_.stem() + ":heartbeats";
      if (probe.zscore(heartbeats, std::to_string(member.id))) ids.push_back(member.id);
    }
  } catch (const test::RedisProbeError&) {
    // Redis is away; then nothing is known of them.
  }
  return ids;
}

void Fleet::signal(Process& process, int number) {
  const auto is_ready = [&] {
    observer_.read();
    return observer_.is_ready(process.name) || !process.child->is_running();
  };
  test::wait_until(is_ready, Timing(options_.scale).stretched(30'000));
  process.child->signal(number);
}

void Fleet::await_end(Process& process) {
  const auto patience = Timing(options_.scale).stretched(30'000);
  auto status = process.child->wait(patience);
  const bool in_time = status.has_value();
  if (!in_time) status = process.child->kill();
  log_.write("exited", {{"p", process.name}, {"status", to_json(*status)}, {"in_time", in_time}});
  observer_.forget(process.name);
}

void Fleet::stop(std::size_t index) {
  const auto process = take(index);
  log_.write("asked_to_stop", {{"p", process->name}});
  signal(*process, SIGTERM);
  await_end(*process);
}

void Fleet::stop_all() {
  for (const auto& process : processes_) {
    log_.write("asked_to_stop", {{"p", process->name}});
    signal(*process, SIGTERM);
  }
  for (const auto& process : processes_) await_end(*process);
  processes_.clear();
}

void Fleet::restart_in_place(Process& process) {
  log_.write("asked_to_restart", {{"p", process.name}});
  signal(process, SIGUSR1);
}

void Fleet::look_for_crashes() {
  for (std::size_t i = 0; i < processes_.size();) {
    const auto status = processes_[i]->child->exit_status();
    if (!status) {
      ++i;
      continue;
    }
    const auto process = take(i);
    log_.write("crashed", {{"p", process->name}, {"status", to_json(*status)}});
    observer_.forget(process->name);
  }
}

}  // namespace mesh::chaos
