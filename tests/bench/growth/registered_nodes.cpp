#include "registered_nodes.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

namespace mesh::bench {

namespace {

using Command = test::RedisProbe::Command;

void add_nodes(test::RedisProbe& probe, const core::Keys& keys, std::int64_t first,
               std::int64_t last) {
  const std::string now = std::to_string(probe.time().count());
  const std::string owner(36, 'x');  // as long as a uuid
  Command heartbeats{"ZADD", keys.heartbeats()};
  Command nodes{"HSET", keys.nodes()};
  Command owners{"MSET"};
  for (std::int64_t id = first; id <= last; ++id) {
    const std::string name = std::to_string(id);
    heartbeats.insert(heartbeats.end(), {now, name});
    nodes.insert(nodes.end(), {name, "host-" + name + ".example.com"});
    owners.insert(owners.end(), {keys.owner(id), owner});
  }
  probe.command(heartbeats);
  probe.command(nodes);
  probe.command(owners);
}

}  // namespace

void fill_registry(test::RedisProbe& probe, const core::Keys& keys, std::size_t nodes) {
  constexpr std::int64_t at_once = 1000;
  const auto last = static_cast<std::int64_t>(nodes);
  std::int64_t next = probe.integer({"ZCARD", keys.heartbeats()}) + 1;
  for (; next <= last; next += at_once) {
    add_nodes(probe, keys, next, std::min(last, next + at_once - 1));
  }
  probe.command({"SET", keys.next_id(), std::to_string(last)});
}

}  // namespace mesh::bench
