#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace mesh::bench {

/// What a caller is told to do for one measurement.
struct Load {
  std::size_t in_flight = 1;
  std::size_t payload = 64;  ///< Bytes, in each direction.
  std::chrono::nanoseconds duration{};
};

/// From a line such as {"in_flight": 64, "payload": 64, "seconds": 1}.
Load parse_load(const std::string& line);

/// Writes one line for the driver.
void print_line(const nlohmann::json& message);

/// Tells the driver that this program can take loads or calls.
void print_ready(nlohmann::json details = nlohmann::json::object());

/// Measures each load that stdin asks for, one after the other, until it ends.
void serve_loads(const std::function<nlohmann::json(const Load&)>& measure);

/// For handlers whose work is done by other threads: returns when stdin ends.
void wait_for_end_of_input();

/// Parses the arguments, runs `program`, and turns what it throws into an exit status.
int run_program(CLI::App& arguments, int argc, char** argv, const std::function<void()>& program);

}  // namespace mesh::bench
