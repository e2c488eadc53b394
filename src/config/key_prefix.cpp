#include <config/key_prefix.hpp>

#include <stdexcept>

namespace mesh::config {

namespace {

std::string lock_key(const RedisOptions& options, const std::string& prefix,
                     const std::string& key) {
  const std::string name = prefix + ":leader:" + key;
  return options.cluster.empty() ? name : in_one_slot(name) + ":lock";
}

}  // namespace

std::string in_one_slot(const std::string& name) {
  if (name.find_first_of("{}") != std::string::npos) {
    throw std::invalid_argument("on a cluster the prefix and the key of " + name +
                                " must not contain braces");
  }
  return "{" + name + "}";
}

std::string lock_key(const RedisOptions& options, const std::string& key) {
  return lock_key(options, mutex_prefix(options), key);
}

std::string lock_key(const RedisOptions& mesh, const RedisOptions& lock, const std::string& key) {
  return lock_key(lock, mutex_prefix(lock.mutex_prefix.empty() ? mesh : lock), key);
}

}  // namespace mesh::config
