#include <support/least_privilege.hpp>

#include <algorithm>

namespace mesh::test {

namespace {

using Strings = std::vector<std::string>;

Strings connection_commands() { return {"ping", "select", "role"}; }
Strings script_commands() { return {"script|load", "evalsha", "eval", "time", "info"}; }
Strings lock_commands() { return {"get", "set", "pexpire", "del"}; }
Strings pubsub_commands() { return {"publish", "subscribe", "unsubscribe", "pubsub|numsub"}; }
Strings registry_commands() {
  return {"incr", "exists", "zadd", "zscore",  "zrangebyscore", "zscan", "zrem", "zcard",
          "hset", "hsetnx", "hget", "hgetall", "hdel",          "hkeys", "hlen", "hrandfield"};
}

void append(Strings& list, const Strings& more) {
  for (const std::string& item : more) {
    if (std::ranges::find(list, item) == list.end()) list.push_back(item);
  }
}

Strings lock_keys(std::string_view mutex_prefix, std::string_view key) {
  const std::string lock = std::string(mutex_prefix) + ":leader:" + std::string(key);
  return {lock, lock + ":*"};
}

}  // namespace

std::string Permissions::rules() const {
  std::string text;
  const auto add = [&text](char sign, const Strings& words) {
    for (const std::string& word : words) {
      if (!text.empty()) text += ' ';
      text += sign + word;
    }
  };
  add('~', keys);
  add('&', channels);
  add('+', commands);
  return text;
}

Permissions node_permissions(std::string_view prefix, std::string_view mutex_prefix,
                             std::string_view key) {
  const std::string names = std::string(prefix) + ":mesh:" + std::string(key) + ":*";
  Permissions result;
  result.keys = {names};
  append(result.keys, lock_keys(mutex_prefix, "mesh:" + std::string(key)));
  result.channels = {names};
  result.commands = connection_commands();
  append(result.commands, pubsub_commands());
  append(result.commands, script_commands());
  append(result.commands, lock_commands());
  append(result.commands, registry_commands());
  return result;
}

Permissions leader_permissions(std::string_view mutex_prefix, std::string_view key) {
  Permissions result;
  result.keys = lock_keys(mutex_prefix, key);
  result.commands = connection_commands();
  append(result.commands, script_commands());
  append(result.commands, lock_commands());
  return result;
}

Permissions cluster_leader_permissions(std::string_view mutex_prefix, std::string_view key) {
  Permissions result;
  result.keys = {"{" + lock_keys(mutex_prefix, key).front() + "}:*"};
  result.commands = {"ping", "cluster|slots", "cluster|nodes", "asking"};
  append(result.commands, script_commands());
  append(result.commands, lock_commands());
  return result;
}

Permissions cluster_node_permissions(std::string_view prefix, std::string_view key) {
  const std::string name = std::string(prefix) + ":mesh:" + std::string(key);
  Permissions result;
  result.keys = {"{" + name + "}:*", name + ":node:*"};
  result.channels = {"{" + name + "}:*", name + ":node:*"};
  result.commands = {"ping",     "cluster|slots", "cluster|nodes", "asking",
                     "spublish", "ssubscribe",    "sunsubscribe",  "pubsub|shardnumsub"};
  append(result.commands, script_commands());
  append(result.commands, lock_commands());
  append(result.commands, registry_commands());
  return result;
}

Permissions sentinel_permissions() {
  Permissions result;
  result.commands = {"sentinel|get-master-addr-by-name", "sentinel|master"};
  return result;
}

Permissions test_permissions() {
  Permissions result = node_permissions("test", "test", "*");
  const Permissions leader = leader_permissions("test", "*");
  const Permissions in_cluster = cluster_leader_permissions("test", "*");
  const Permissions mesh_in_cluster = cluster_node_permissions("test", "*");
  for (const Permissions& more : {leader, in_cluster, mesh_in_cluster}) {
    append(result.keys, more.keys);
    append(result.channels, more.channels);
    append(result.commands, more.commands);
  }
  return result;
}

}  // namespace mesh::test
