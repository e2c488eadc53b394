#pragma once

#include <redis/reply.hpp>

namespace mesh::redis {

/// Whether the reply says that this server will do before long: it still loads its data, is busy
/// with a script, or has lost its master.
bool is_passing_refusal(const Reply& reply);

/// Whether the command was refused since Redis cannot write its data to disk.
bool is_disk_error(const Reply& reply);

/// Whether the user of the connection has no right to the command, or to one of its keys.
bool is_not_permitted(const Reply& reply);

/// Whether the reply to a command shows that the connection leads to the wrong server, or to one
/// that cannot serve for a while: it has become a replica, or loads its data.
bool is_wrong_server(const Reply& reply);

/// Whether the command was refused, so that it did not run, for a cause that will pass: either of
/// the above, or that a cluster is being rearranged.
bool is_worth_retrying(const Reply& reply);

}  // namespace mesh::redis
