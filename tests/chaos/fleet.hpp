#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <support/child_process.hpp>

#include "event_log.hpp"
#include "link.hpp"
#include "node_options.hpp"
#include "observer.hpp"

namespace mesh::chaos {

struct FleetOptions {
  std::filesystem::path program;  ///< chaos_node.
  std::filesystem::path folder;   ///< For the logs.
  double rate = 20;
  double scale = 1;
};

/// The processes of the run. What is done to them is logged.
class Fleet {
 public:
  struct Process {
    std::string name;
    std::size_t members = 1;
    std::size_t threads = 1;       ///< Of handlers.
    bool protocol_thread = false;  ///< There is one more, for all but handlers.
    std::unique_ptr<Link> link;
    std::unique_ptr<test::ChildProcess> child;
  };

  Fleet(FleetOptions options, World& world, ProxyThread& proxies, Link::OnRequest on_request,
        EventLog& log);

  void spawn(std::size_t members, std::size_t threads, bool protocol_thread = false);
  std::size_t size() const { return processes_.size(); }
  Process& at(std::size_t index) { return *processes_.at(index); }
  std::size_t index_of(const std::string& name) const;
  /// The process that leads, else any.
  std::size_t leader();
  std::size_t members() const;

  void pause(Process& process);
  void resume(Process& process);
  /// SIGKILL, and removes it. Returns the ids of its members that Redis knows and that have to be
  /// reported therefore.
  std::vector<InstanceId> kill(std::size_t index);
  /// SIGTERM; removes it. A process that does not end in good order is a violation.
  void stop(std::size_t index);
  void stop_all();
  /// SIGUSR1: its members stop and start again.
  void restart_in_place(Process& process);

  /// Takes note of processes that have ended though nobody told them to.
  void look_for_crashes();

  Observer& observer() { return observer_; }

 private:
  std::unique_ptr<Process> take(std::size_t index);
  std::vector<InstanceId> registered_members(const Process& process);
  /// Sent before it is ready, a signal would kill it.
  void signal(Process& process, int number);
  void await_end(Process& process);
  std::filesystem::path file(const std::string& name, const std::string& suffix) const;

  FleetOptions options_;
  World& world_;
  ProxyThread& proxies_;
  Link::OnRequest on_request_;
  EventLog& log_;
  Observer observer_;
  std::vector<std::unique_ptr<Process>> processes_;
  std::size_t spawned_ = 0;
};

}  // namespace mesh::chaos
