#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mesh::test {

/// Whether a variable configures the library, so that a developer's own settings must not reach
/// tests: REDIS_*, MESH_REDIS_*, MUTEX_REDIS_*.
bool is_redis_variable(std::string_view name);

/// The environment of this process as "NAME=value" lines.
std::vector<std::string> environment_lines();

/// Removes every variable of this process for which `is_redis_variable()` holds.
void remove_redis_variables();

}  // namespace mesh::test
