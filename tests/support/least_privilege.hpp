#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mesh::test {

/// The permissions that the library needs in Redis, as in docs/security.md: an ACL user that has
/// these and no more. Redis checks the commands inside scripts too, so they are among them.
struct Permissions {
  std::vector<std::string> keys;
  std::vector<std::string> channels;
  std::vector<std::string> commands;

  /// As words for ACL SETUSER: "~key +command …".
  std::string rules() const;
};

/// Of a mesh node.
Permissions node_permissions(std::string_view prefix, std::string_view mutex_prefix,
                             std::string_view key);

/// Of a `LeaderService` of its own.
Permissions leader_permissions(std::string_view mutex_prefix, std::string_view key);

/// The same on a Redis Cluster.
Permissions cluster_leader_permissions(std::string_view mutex_prefix, std::string_view key);

/// Of a mesh node on a Redis Cluster.
Permissions cluster_node_permissions(std::string_view prefix, std::string_view key);

/// Of who asks Sentinel about the master; in the ACL of the Sentinel.
Permissions sentinel_permissions();

/// Of nodes and elections with any key and the prefix "test". The tests' nodes have no more.
Permissions test_permissions();

}  // namespace mesh::test
