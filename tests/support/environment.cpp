#include <support/environment.hpp>

#include <unistd.h>

#include <cstdlib>

namespace mesh::test {

bool is_redis_variable(std::string_view name) {
  return name.starts_with("REDIS_") || name.starts_with("MESH_REDIS_") ||
         name.starts_with("MUTEX_REDIS_");
}

std::vector<std::string> environment_lines() {
  std::vector<std::string> lines;
  for (char** line = environ; *line != nullptr; ++line) lines.emplace_back(*line);
  return lines;
}

void remove_redis_variables() {
  for (const std::string& line : environment_lines()) {
    const std::string name = line.substr(0, line.find('='));
    if (is_redis_variable(name)) unsetenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
  }
}

}  // namespace mesh::test
