#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <CLI/CLI.hpp>

/// What the example programs share: how they read their arguments.
namespace example {

/// All example programs name the same application, so that they share one Redis prefix and meet in
/// one mesh. Left empty, each executable would take its own name.
inline const std::string application_name = "mesh-examples";

/// Adds an option that is given in milliseconds and defaults to the present value.
inline void add_milliseconds(CLI::App& app, const std::string& name,
                             std::chrono::milliseconds& value, const std::string& description) {
  app.add_option_function<std::int64_t>(
         name, [&value](std::int64_t count) { value = std::chrono::milliseconds(count); },
         description)
      ->default_str(std::to_string(value.count()));
}

}  // namespace example
