#pragma once

#include <cerrno>  // program_invocation_short_name
#include <string>

#include <mesh/options.hpp>

namespace mesh::detail {

struct NameOrigin {
  /// Whether the application name is that of the executable because nobody gave one.
  static bool is_guessed(const RedisOptions& options) {
    return options.application_name.empty() || options.application_name == options.guessed_name_;
  }
};

}  // namespace mesh::detail

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

/// The beginning of names that are all in one slot of a cluster. Throws `std::invalid_argument`
/// where the name has braces, which would choose another one.
std::string in_one_slot(const std::string& name);

/// The lock of the election called `key`. On a cluster all keys of an election are in one slot.
/// Throws `std::invalid_argument` where the names have braces, which would choose another one.
std::string lock_key(const RedisOptions& options, const std::string& key);

/// The same where the lock may have a place of its own: its prefix is that of `mesh` unless set.
std::string lock_key(const RedisOptions& mesh, const RedisOptions& lock, const std::string& key);

/// What to say of a lock whose prefix nobody has chosen; empty if somebody has.
inline std::string doubt_about_lock(const RedisOptions& options) {
  if (!options.mutex_prefix.empty() || !detail::NameOrigin::is_guessed(options)) return {};
  return "the prefix of the leader lock, " + mutex_prefix(options) +
         ", is only this executable's name, so programs of other names elect leaders of their own: "
         "set REDIS_PREFIX, RedisOptions::mutex_prefix or RedisOptions::application_name";
}

/// The same of a mesh, and of its lock if only that has no prefix of its own.
inline std::string doubt_about_mesh(const RedisOptions& mesh, const RedisOptions& lock) {
  if (!mesh.prefix.empty() || !detail::NameOrigin::is_guessed(mesh)) {
    // Without a prefix of its own the lock has that of the mesh's options.
    return lock.mutex_prefix.empty() ? doubt_about_lock(mesh) : std::string();
  }
  return "the prefix of the mesh, " + mesh_prefix(mesh) +
         ", is only this executable's name, so programs of other names do not meet it whatever "
         "their key: set REDIS_PREFIX, RedisOptions::prefix or RedisOptions::application_name";
}

inline std::string doubt_about_mesh(const RedisOptions& options) {
  return doubt_about_mesh(options, options);
}

}  // namespace mesh::config
