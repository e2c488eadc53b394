#include "run.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <thread>

#include <support/wait.hpp>

#include "event_log.hpp"
#include "faults.hpp"
#include "fleet.hpp"
#include "replayer.hpp"
#include "rig_watch.hpp"
#include "world.hpp"

namespace mesh::chaos {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

namespace {

std::vector<Fault> playable_faults(const RunOptions& options) {
  std::vector<Fault> faults;
  for (const Fault& fault : all_faults()) {
    if (!has(fault.kinds, options.redis)) continue;
    const auto& wanted = options.faults;
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), fault.name) == wanted.end()) {
      continue;
    }
    faults.push_back(fault);
  }
  if (faults.empty()) throw std::invalid_argument("no such faults");
  return faults;
}

/// Deals the faults in the order the seed draws; each comes once before one comes again.
class Deck {
 public:
  Deck(std::vector<Fault> faults, std::mt19937_64& random)
      : faults_(std::move(faults)), random_(random) {}

  const Fault& next() {
    if (position_ == 0) std::shuffle(faults_.begin(), faults_.end(), random_);
    const Fault& fault = faults_[position_];
    position_ = (position_ + 1) % faults_.size();
    all_dealt_ = all_dealt_ || position_ == 0;
    return fault;
  }
  /// Whether each has come at least once.
  bool all_dealt() const { return all_dealt_; }

 private:
  std::vector<Fault> faults_;
  std::mt19937_64& random_;
  std::size_t position_ = 0;
  bool all_dealt_ = false;
};

class Run {
 public:
  explicit Run(const RunOptions& options)
      : options_(options),
        timing_(options.scale),
        log_(options.folder / "runner.jsonl"),
        world_(options.redis),
        random_(options.seed),
        replayer_(world_, log_, options.seed),
        watch_(
            world_, log_, [this] { replayer_.suspend(); }, [this] { replayer_.resume(); }),
        fleet_(
            FleetOptions{options.node_program, options.folder, options.rate, options.scale}, world_,
            proxies_,
            [this](const std::string& channel, const std::string& text) {
              replayer_.on_request(channel, text);
            },
            log_),
        stage_{world_, fleet_, replayer_, log_, random_, timing_, options.processes} {
    watch_rig([this] {
      proxies_.ask([] {});
      return true;
    });
    for (test::RedisServer* const server : world_.servers()) watch_rig(ping(server->options()));
  }

  void play() {
    log_header();
    for (std::size_t i = 0; i < options_.processes; ++i) stage_.spawn_process();
    bool well = await_healing("start");
    Deck deck(playable_faults(options_), random_);
    const auto end =
        SteadyClock::now() + std::chrono::duration_cast<milliseconds>(
                                 std::chrono::duration<double, std::ratio<60>>(options_.minutes));
    while (well && (SteadyClock::now() < end || !deck.all_dealt())) well = play_one(deck.next());
    if (well) well = await_healing("end") && await_clean_registry();
    fleet_.stop_all();
    look_for_remains();
    log_.write("over");
  }

 private:
  void watch_rig(std::function<bool()> ask) {
    rig_watches_.push_back(std::make_unique<RigWatch>(std::move(ask), log_));
  }

  void log_header() {
    log_.write("run", {{"seed", options_.seed},
                       {"minutes", options_.minutes},
                       {"node_ttl_ms", timing_.node_ttl().count()},
                       {"leader_ttl_ms", timing_.leader_ttl().count()},
                       {"slack_ms", timing_.slack().count()}});
  }

  /// False if the mesh has not healed afterwards.
  bool play_one(const Fault& fault) {
    std::cout << "  " << fault.name << std::flush;
    const auto begun = SteadyClock::now();
    try {
      fault.run(stage_);
    } catch (const test::RedisProbeError& error) {
      // In the middle of a failover the runner itself may not get through.
      std::cout << " (" << error.what() << ")";
    }
    std::cout << " " << (SteadyClock::now() - begun) / milliseconds(1) << " ms\n";
    log_.write("fault", {{"kind", fault.name}});
    fleet_.look_for_crashes();
    bool well = true;
    if (stage_.draw(std::size_t{10}) < 6 || fault.must_heal) well = await_healing(fault.name);
    while (fleet_.size() > options_.processes) fleet_.stop(stage_.draw(fleet_.size() - 1));
    while (fleet_.size() < options_.processes) stage_.spawn_process();
    stage_.wait(stage_.draw(50, 400));
    return well;
  }

  bool await_healing(const std::string& after) {
    const Nanoseconds since = now_ns();
    std::string missing;
    const auto healed = [&] {
      std::this_thread::sleep_for(milliseconds(10));
      fleet_.observer().read();
      missing = fleet_.observer().missing(fleet_.members(), since);
      return missing.empty();
    };
    if (test::wait_until(healed, timing_.stretched(45'000))) {
      log_.write("healed", {{"after", after}, {"took", now_ns() - since}});
      return true;
    }
    log_.write("violation", {{"what", "the mesh has not healed after " + after + ": " + missing}});
    return false;
  }

  /// Until Redis knows all nodes that live, and none else.
  bool await_clean_registry() {
    std::string found;
    const auto clean = [&] {
      std::this_thread::sleep_for(milliseconds(20));
      fleet_.observer().read();
      return registered_ids() == live_ids();
    };
    if (test::wait_until(clean, timing_.stretched(30'000))) {
      stage_.wait(timing_.stretched(500));  // for callbacks that are on their way
      return true;
    }
    log_.write("violation", {{"what", "Redis knows " + nlohmann::json(registered_ids()).dump() +
                                          ", but alive are " + nlohmann::json(live_ids()).dump()}});
    return false;
  }

  std::vector<std::string> registered_ids() {
    try {
      auto ids = world_.probe().array({"ZRANGE", world_.stem() + ":heartbeats", "0", "-1"});
      std::sort(ids.begin(), ids.end());
      return ids;
    } catch (const test::RedisProbeError&) {
      return {};
    }
  }

  std::vector<std::string> live_ids() {
    std::vector<std::string> ids;
    for (const auto& [name, member] : fleet_.observer().members()) {
      ids.push_back(std::to_string(member.id));
    }
    std::sort(ids.begin(), ids.end());
    return ids;
  }

  /// After all have left in good order, what is still in Redis must end by itself or be meant to
  /// stay.
  void look_for_remains() {
    test::RedisProbe probe = world_.probe();
    const std::string stem = world_.stem();
    const std::string lock = world_.lock();
    const std::vector<std::string> stay{stem + ":next_id", stem + ":changes",
                                        lock + ":fencing_token", lock + ":last_term"};
    for (const std::string& key : probe.keys("*chaos:*")) {
      if (std::find(stay.begin(), stay.end(), key) != stay.end()) continue;
      const auto ttl = probe.integer({"PTTL", key});
      log_.write("remains", {{"key", key}, {"ttl", ttl}});
      if (ttl == -1) {
        log_.write("violation", {{"what", "after all have left, Redis holds " + key}});
      }
    }
  }

  RunOptions options_;
  Timing timing_;
  EventLog log_;
  World world_;
  std::mt19937_64 random_;
  Replayer replayer_;
  MasterWatch watch_;
  ProxyThread proxies_;
  std::vector<std::unique_ptr<RigWatch>> rig_watches_;
  Fleet fleet_;
  Stage stage_;
};

}  // namespace

void run_chaos(const RunOptions& options) {
  std::filesystem::create_directories(options.folder);
  // Logs and output are appended to, so those of an earlier run must not be there.
  for (const auto& entry : std::filesystem::directory_iterator(options.folder)) {
    const std::filesystem::path extension = entry.path().extension();
    if (extension == ".jsonl" || extension == ".out") std::filesystem::remove(entry.path());
  }
  Run run(options);
  run.play();
}

std::vector<std::string> sanitizer_reports(const std::filesystem::path& folder) {
  std::vector<std::string> reports;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".out") continue;
    std::ifstream file(entry.path());
    std::string line;
    while (std::getline(file, line)) {
      const bool is_report = line.find("Sanitizer") != std::string::npos ||
                             line.find("runtime error:") != std::string::npos;
      if (is_report) reports.push_back(entry.path().filename().string() + ": " + line);
    }
  }
  return reports;
}

}  // namespace mesh::chaos
