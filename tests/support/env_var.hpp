#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

namespace mesh::test {

/// Sets an environment variable (or removes it) and puts the old state back. Only while no other
/// thread reads the environment.
class EnvVar {
 public:
  EnvVar(std::string name, std::optional<std::string> value) : name_(std::move(name)) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe)
    if (const char* previous = std::getenv(name_.c_str())) previous_ = previous;
    assign(value);
  }
  ~EnvVar() { assign(previous_); }
  EnvVar(const EnvVar&) = delete;
  EnvVar& operator=(const EnvVar&) = delete;

 private:
  void assign(const std::optional<std::string>& value) const {
    if (value) {
      setenv(name_.c_str(), value->c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    } else {
      unsetenv(name_.c_str());  // NOLINT(concurrency-mt-unsafe)
    }
  }

  std::string name_;
  std::optional<std::string> previous_;
};

}  // namespace mesh::test
