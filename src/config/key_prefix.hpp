#pragma once

#include <cerrno>  // program_invocation_short_name
#include <string>

#include <mesh/options.hpp>

namespace mesh::config {

inline std::string application_name(const RedisOptions& options) {
  return options.application_name.empty() ? program_invocation_short_name
                                          : options.application_name;
}

/// What the keys and channels of meshes begin with.
inline std::string mesh_prefix(const RedisOptions& options) {
  return options.prefix.empty() ? application_name(options) : options.prefix;
}

/// What the keys of leader locks begin with.
inline std::string mutex_prefix(const RedisOptions& options) {
  return options.mutex_prefix.empty() ? application_name(options) : options.mutex_prefix;
}

/// The lock of the election called `key`.
inline std::string lock_key(const RedisOptions& options, const std::string& key) {
  return mutex_prefix(options) + ":leader:" + key;
}

}  // namespace mesh::config
