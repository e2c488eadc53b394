#pragma once

#include <string>
#include <variant>

#include <redis/command.hpp>
#include <redis/endpoint.hpp>

namespace mesh::redis {

/// What to ask a Sentinel, and what its answer means. No I/O.
Command sentinel_master_query(const std::string& master_name);

/// The master's address, or why there is none.
std::variant<Endpoint, std::string> parse_sentinel_reply(const Reply& reply,
                                                         const std::string& master_name);

}  // namespace mesh::redis
