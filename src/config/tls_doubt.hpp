#pragma once

#include <string>

#include <mesh/options.hpp>

namespace mesh::config {

/// What to say of connections that anyone may be at the other end of; empty if there are none.
inline std::string doubt_about_tls(const RedisOptions& options) {
  if (!options.tls || options.tls_verify) return {};
  return "RedisOptions::tls_verify is false: anyone on the way can read and change everything";
}

}  // namespace mesh::config
