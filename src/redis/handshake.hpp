#pragma once

#include <optional>
#include <string>
#include <vector>

#include <mesh/options.hpp>

#include <redis/command.hpp>

namespace mesh::redis {

/// AUTH as far as there are credentials. Contains the password; not for log lines.
std::vector<Command> auth_commands(const RedisCredentials& credentials);

/// Those that the options name for Redis or for Sentinel.
RedisCredentials configured_credentials(const RedisOptions& options, RedisPeer peer);

/// What is sent first on a new connection: credentials, database, and where Sentinel gave the
/// address a check that it really is a master. Contains the password; not for log lines.
std::vector<Command> handshake_commands(const RedisOptions& options);

/// Why a server will not do.
struct Objection {
  std::string cause;
  bool is_passing = false;  ///< It may do in a moment.
};

/// Why the reply to a handshake command rules the connection out; nothing if it does not.
std::optional<Objection> handshake_objection(const Command& command, const Reply& reply);

}  // namespace mesh::redis
