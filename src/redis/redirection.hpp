#pragma once

#include <cstdint>
#include <optional>

#include <redis/endpoint.hpp>
#include <redis/reply.hpp>

namespace mesh::redis {

/// What a node of a cluster answers where another one has the slot: it has not run the command.
struct Redirection {
  std::uint16_t slot = 0;
  Endpoint target{};
  /// The slot is on its way there: only this key is there already, and a command for it must follow
  /// ASKING. Otherwise it is there for good.
  bool is_asking = false;
};

/// `answered_by` stands for a host that the node leaves out. Nothing if the reply is no
/// redirection.
std::optional<Redirection> parse_redirection(const Reply& reply, const Endpoint& answered_by);

/// Whether the command was not run since the cluster is being rearranged: it may be sent again.
bool is_cluster_unrest(const Reply& reply);

/// Whether the reply says that this node cannot serve its slots, so that others have to be asked.
bool is_cluster_down(const Reply& reply);

/// Whether only a node of a cluster answers so.
bool is_from_cluster(const Reply& reply);

}  // namespace mesh::redis
