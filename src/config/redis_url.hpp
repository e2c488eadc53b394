#pragma once

#include <string_view>

#include <mesh/options.hpp>

namespace mesh::config {

/// Sets what a `redis://`, `rediss://` or `unix://` URL says; fields it does not mention stay.
/// Throws `std::invalid_argument` saying what was expected, never quoting the password; `options`
/// are as before then.
void apply_redis_url(std::string_view url, RedisOptions& options);

}  // namespace mesh::config
