#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <mesh/node.hpp>
#include <nlohmann/json.hpp>

#include "event_log.hpp"

namespace mesh::chaos {

/// Reads the event logs of the nodes while they grow, to know how the mesh is.
class Observer {
 public:
  /// Adds the log of a process; it need not exist yet.
  void follow(const std::string& process, std::filesystem::path log);
  /// Reads the rest and forgets it: the process has ended.
  void forget(const std::string& process);
  /// Reads what is new.
  void read();

  struct MemberState {
    std::string process;
    InstanceId id = 0;
    Nanoseconds last_lead = 0;
    /// When the latest call that succeeded had begun, for each node called.
    std::map<InstanceId, Nanoseconds> answered;
  };
  const std::map<std::string, MemberState>& members() const { return members_; }
  /// Whether the process takes signals.
  bool is_ready(const std::string& process) const { return ready_.contains(process); }
  /// Whether any leader has reported the removal of this node.
  bool is_reported(InstanceId id) const { return reported_.contains(id); }
  /// Whether a handler has begun, or ended, to run this call, which the runner has ordered.
  bool has_begun(const std::string& call) const { return begun_.contains(call); }
  bool has_ended(const std::string& call) const { return ended_.contains(call); }
  /// The process that its handler has started; 0 if it has not.
  pid_t program_of(const std::string& call) const {
    const auto found = programs_.find(call);
    return found == programs_.end() ? 0 : found->second;
  }
  static constexpr const char* ordered = "order#";  ///< How numbers of such calls begin.
  /// The process whose member has led last, if it did so just now; else empty.
  std::string leading_process() const;

  /// What is missing until all of so many members have ids, have had each other's answers to calls
  /// begun after `since`, and one of them leads; empty if nothing.
  std::string missing(std::size_t members, Nanoseconds since) const;

 private:
  struct File {
    std::filesystem::path path;
    std::size_t offset = 0;
    std::map<std::string, std::pair<InstanceId, Nanoseconds>> open_calls;
  };

  void read(const std::string& process, File& file);
  void note(const std::string& process, File& file, const nlohmann::json& line);

  std::map<std::string, File> files_;
  std::map<std::string, MemberState> members_;
  std::set<std::string> ready_;  // of processes
  std::set<InstanceId> reported_;
  std::set<std::string> begun_;
  std::set<std::string> ended_;
  std::map<std::string, pid_t> programs_;
};

}  // namespace mesh::chaos
