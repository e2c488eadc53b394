#pragma once

#include <string>
#include <string_view>

namespace mesh::redis {

/// Why `first_bytes`, which are not what Redis would send, came from `address`: who seems to be
/// there.
std::string describe_stranger(const std::string& address, std::string_view first_bytes);

}  // namespace mesh::redis
