#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <mesh/node.hpp>
#include <nlohmann/json.hpp>

#include "event_log.hpp"

namespace mesh::chaos {

inline constexpr Nanoseconds forever = std::numeric_limits<Nanoseconds>::max();
inline constexpr Nanoseconds nanoseconds_per_ms = 1'000'000;

struct Span {
  Nanoseconds from = 0;
  Nanoseconds to = forever;

  bool overlaps(const Span& other) const { return from <= other.to && other.from <= to; }
};

/// What the event logs of a run say, put together.
struct History {
  struct Run {  ///< of a handler
    std::string member;
    Nanoseconds begin = 0;
    std::optional<Nanoseconds> end;
  };
  struct Call {
    std::string member;
    std::string kind;
    InstanceId target = 0;
    Nanoseconds timeout = 0;
    std::optional<Nanoseconds> begin;
    std::optional<Nanoseconds> end;  ///< The first.
    std::string outcome;
    std::string executed;  // whether the handler ran, as the caller was told
    std::string text;
    std::size_t ends = 0;
    std::vector<Run> runs;
  };
  /// A member was seen with an id: at both ends of the span, and so between them.
  struct IdHold {
    std::string member;
    InstanceId id = 0;
    Span span;
  };
  /// A member was seen leading: at both ends of the span, and so between them.
  struct Term {
    std::string member;
    std::int64_t token = 0;
    Span span;
  };
  struct Report {  ///< of a removed node
    std::string member;
    InstanceId id = 0;
    Nanoseconds time = 0;
  };
  struct Dead {  ///< Redis knew of it at this time, when it was dead: it has to be reported.
    std::string name;
    InstanceId id = 0;
    Nanoseconds time = 0;
  };
  struct Loss {
    std::string kind;
    Span span;
  };
  struct LeaseCut {
    std::string process;
    Nanoseconds renewed = 0;  ///< The last renewal that can have been granted passed here.
    Nanoseconds to = 0;       ///< The process could not reach Redis until then.
  };
  struct Subscription {  ///< Redis had a subscriber to the id's channel all this time.
    InstanceId id = 0;
    Span span;
  };
  struct Look {  ///< at a member that led
    std::string member;
    Nanoseconds before = 0;
    Nanoseconds term_began = 0;  ///< When the member was first seen to lead by this token.
  };
  struct Process {
    std::optional<Nanoseconds> killed;
    std::optional<Nanoseconds> asked_to_stop;
    bool protocol_thread = false;  ///< Handlers do not hold up the protocol.
    std::vector<Span> still;       ///< Stopped, or seen to stand still.
    std::vector<Span> busy;  ///< All threads of handlers were taken, and not that of the protocol.
    std::vector<Span> cut_off;  ///< Redis out of its reach.
    std::vector<std::pair<Nanoseconds, std::int64_t>> resident_kb;
    Nanoseconds last_event = 0;
  };
  struct Stats {
    std::string member;
    std::uint64_t sent = 0;
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;
    std::size_t in_flight = 0;
    std::uint64_t rerouted = 0;
  };

  Nanoseconds node_ttl = 0;
  Nanoseconds leader_ttl = 0;
  Nanoseconds slack = 0;  ///< Granted to slow machines.
  double minutes = 0;
  std::uint64_t seed = 0;

  std::unordered_map<std::string, Call> calls;
  std::unordered_map<std::string, Nanoseconds> repeated;  ///< call → when the runner first did
  std::vector<IdHold> holds;
  std::vector<Term> terms;
  std::vector<Look> leading_looks;
  std::vector<Report> reports;
  std::vector<Dead> dead;
  std::vector<Loss> losses;
  std::vector<Span> outages;         ///< Redis could not be used by anybody.
  std::vector<Span> disconnections;  ///< Connections of all ended.
  std::vector<Span> monitors;        ///< Somebody had subscribed to all channels.
  std::vector<LeaseCut> lease_cuts;
  std::vector<Subscription> subscriptions;
  std::map<std::string, Process> processes;
  std::vector<Stats> stats;
  std::map<std::string, std::vector<std::pair<Nanoseconds, bool>>> leader_callbacks;  ///< became?
  std::map<std::string, std::size_t> faults;
  std::vector<Nanoseconds> healing_times;
  std::vector<std::string> runner_violations;
  std::size_t replays = 0;
  std::size_t migrations = 0;               ///< Of slots.
  std::size_t failovers = 0;                ///< Of primaries.
  std::vector<Nanoseconds> rearrangements;  ///< When these had ended.
  std::size_t reregistrations = 0;
  std::size_t broadcasts = 0;
  bool ended = false;  ///< The runner came to its end.

  /// "p3" for the member "p3.0".
  static std::string process_of(const std::string& member) {
    return member.substr(0, member.find('.'));
  }
};

/// Builds a history line by line.
class HistoryReader {
 public:
  /// A line of the log of a process, or of the runner ("runner").
  void read(const std::string& process, const nlohmann::json& line);
  /// Reads every *.jsonl of the folder; a last line that is not complete is ignored.
  void read_folder(const std::filesystem::path& folder);
  History take();

 private:
  void read_runner(std::string_view event, const nlohmann::json& line);
  void read_node(const std::string& process, std::string_view event, const nlohmann::json& line);
  void read_call(std::string_view event, const nlohmann::json& line);
  void read_lead(const nlohmann::json& line);
  void read_id(const nlohmann::json& line);

  History history_;
  std::map<std::string, std::size_t> open_holds_;  // member → index
  std::map<std::string, std::size_t> open_terms_;
  std::map<std::string, Nanoseconds> paused_;
};

}  // namespace mesh::chaos
