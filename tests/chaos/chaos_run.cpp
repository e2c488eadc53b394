// Runs a mesh under load and faults, and checks what its nodes have seen: see README.md.

#include <unistd.h>

#include <csignal>
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <support/environment.hpp>
#include <support/temp_dir.hpp>

#include "checker.hpp"
#include "faults.hpp"
#include "run.hpp"

namespace {

using mesh::chaos::RedisKind;
using mesh::chaos::RunOptions;

constexpr std::size_t most_violations = 8;

std::string reproduce(const RunOptions& options) {
  std::string line = "chaos_run --minutes " + std::to_string(options.minutes) + " --seed " +
                     std::to_string(options.seed) + " --nodes " +
                     std::to_string(options.processes) + " --redis " + name_of(options.redis) +
                     " --scale " + std::to_string(options.scale) + " --rate " +
                     std::to_string(options.rate);
  if (!options.faults.empty()) {
    line += " --faults";
    for (const std::string& fault : options.faults) line += " " + fault;
  }
  return line;
}

void explain(const mesh::chaos::Verdict& verdict, const std::filesystem::path& folder) {
  std::size_t shown = 0;
  for (const auto& violation : verdict.violations) {
    if (++shown > most_violations) break;
    std::cout << "VIOLATION of \"" << violation.rule << "\": " << violation.text << '\n';
    for (const std::string& line : mesh::chaos::evidence(folder, violation)) {
      std::cout << "    " << line << '\n';
    }
  }
  if (verdict.violations.size() > most_violations) {
    std::cout << "... " << verdict.violations.size() << " violations in all\n";
  }
}

/// Checks the logs in a folder; true if all is well.
bool report(const std::filesystem::path& folder) {
  mesh::chaos::HistoryReader reader;
  reader.read_folder(folder);
  const mesh::chaos::History history = reader.take();
  mesh::chaos::Verdict verdict = mesh::chaos::check(history);
  for (const std::string& line : mesh::chaos::sanitizer_reports(folder)) {
    verdict.fail("no sanitizer complains", line, "no such line");
  }
  explain(verdict, folder);
  std::cout << mesh::chaos::summary(history, verdict) << std::endl;
  return verdict.violations.empty();
}

std::vector<std::string> fault_names() {
  std::vector<std::string> names;
  for (const auto& fault : mesh::chaos::all_faults()) names.emplace_back(fault.name);
  return names;
}

bool run_once(const RunOptions& options) {
  std::cout << "seed " << options.seed << ", "
            << "Redis: " << name_of(options.redis) << ", logs in " << options.folder.string()
            << std::endl;
  mesh::chaos::run_chaos(options);
  const bool good = report(options.folder);
  if (!good) {
    std::cout << "logs: " << options.folder.string() << "\nreproduce: " << reproduce(options)
              << std::endl;
  }
  return good;
}

}  // namespace

int main(int argc, char** argv) try {
  // A fault may also close a connection of this program's. Not ignored, which nodes would inherit.
  std::signal(SIGPIPE, [](int) {});
  RunOptions options;
  options.seed = std::random_device()();
  options.node_program = std::filesystem::path(argv[0]).parent_path() / "chaos_node";
  std::string redis = "plain";
  std::string logs;
  std::string check_only;
  bool only_list = false;
  bool only_parse = false;
  CLI::App app{"Runs a mesh under load and faults, and checks what its nodes have seen."};
  // A script gives defaults before what it was given itself.
  app.add_option("--minutes", options.minutes, "How long faults go on; each comes once at least")
      ->take_last();
  app.add_option("--seed", options.seed, "Draws the schedule; by default another each time");
  app.add_option("--nodes", options.processes, "Processes of the mesh");
  app.add_option("--redis", redis,
                 "plain, sentinel, cluster, or mixed: the first two, half the time each")
      ->check(CLI::IsMember({"plain", "sentinel", "cluster", "mixed"}))
      ->take_last();
  app.add_option("--scale", options.scale, "Stretches every duration, for slow machines")
      ->take_last();
  app.add_option("--rate", options.rate, "Calls per second of each node");
  app.add_option("--faults", options.faults, "Only faults of these names")
      ->check(CLI::IsMember(fault_names()));
  app.add_option("--logs", logs, "Folder for the logs, kept then");
  app.add_option("--check", check_only, "Only check the logs in this folder");
  app.add_flag("--list", only_list, "Only print the names of all faults");
  app.add_flag("--dry-run", only_parse, "Only check the arguments");
  CLI11_PARSE(app, argc, argv);

  if (only_list) {
    for (const std::string& name : fault_names()) std::cout << name << '\n';
  }
  if (only_list || only_parse) return 0;
  mesh::test::remove_redis_variables();
  if (!check_only.empty()) return report(check_only) ? 0 : 1;

  const bool keep = !logs.empty();
  if (!keep) {
    logs = (std::filesystem::temp_directory_path() /
            ("mesh-chaos-" + std::to_string(options.seed) + "-" + std::to_string(getpid())))
               .string();
  }
  if (redis == "mixed") options.minutes /= 2;
  bool good = true;
  for (const RedisKind kind : {RedisKind::plain, RedisKind::sentinel, RedisKind::cluster}) {
    const bool is_wanted =
        redis == name_of(kind) || (redis == "mixed" && kind != RedisKind::cluster);
    if (!is_wanted) continue;
    options.redis = kind;
    options.folder = std::filesystem::path(logs) / name_of(kind);
    good = run_once(options) && good;
  }
  if (good && !keep) std::filesystem::remove_all(logs);
  return good ? 0 : 1;
} catch (const std::exception& error) {
  std::cerr << "chaos_run: " << error.what() << '\n';
  return 2;
}
