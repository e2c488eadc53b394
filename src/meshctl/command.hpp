#pragma once

#include <functional>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <meshctl/failure.hpp>
#include <meshctl/settings.hpp>

namespace mesh::ctl {

/// Keeps members in the order in which they were added.
using Json = nlohmann::ordered_json;

/// In one line, whatever bytes it holds.
std::string to_text(const Json& json);

/// The program's command line, and what it has to do.
struct Program {
  CLI::App app{"Looks into a mesh and uses it: who is there, calls, figures, broadcasts."};
  Settings settings{};
  std::function<ExitStatus()> run{};

  /// Adds a command that does `work` when it is given.
  CLI::App& add(const std::string& name, const std::string& description,
                const std::string& examples, std::function<ExitStatus()> work);
};

// Each adds one command, with options of its own, to a program that must outlive it.
void add_nodes(Program& program);
void add_call(Program& program);
void add_ping(Program& program);
void add_stats(Program& program);
void add_leader(Program& program);
void add_listen(Program& program);
void add_broadcast(Program& program);
void add_bench(Program& program);
void add_doctor(Program& program);
void add_completion(Program& program);

/// The JSON that an argument stands for: itself, `@file`, or `-` for standard input. Throws
/// `UsageError` if that is not one JSON value.
std::string read_payload(const std::string& argument);

/// Such as "7". Throws `UsageError`.
InstanceId parse_id(const std::string& text);

/// Such as "zone=a". Throws `UsageError`, which names the option.
std::pair<std::string, std::string> parse_pair(const std::string& text, const std::string& option);

}  // namespace mesh::ctl
