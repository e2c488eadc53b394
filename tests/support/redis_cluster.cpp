#include <support/redis_cluster.hpp>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <utility>

#include <support/wait.hpp>

namespace mesh::test {

namespace {

constexpr int slot_count = 16384;

std::string id_of(RedisServer& server) {
  return server.command({"CLUSTER", "MYID"}).get<std::string>();
}

}  // namespace

RedisCluster::RedisCluster(RedisClusterOptions options)
    : has_tls_(options.server.tls.has_value()), primaries_(options.primaries) {
  RedisServerOptions server_options = std::move(options.server);
  server_options.in_cluster = true;
  if (!options.announced_host.empty()) {
    server_options.config.push_back("cluster-announce-hostname " + options.announced_host);
    server_options.config.emplace_back("cluster-preferred-endpoint-type hostname");
  }
  if (has_tls_) {
    server_options.config.insert(server_options.config.end(),
                                 {"tls-cluster yes", "tls-replication yes"});
  }
  // Until all have heard of each other they are in a hurry, and replace nobody.
  for (const char* line : {"cluster-replica-validity-factor 0", "repl-ping-replica-period 1",
                           "cluster-node-timeout 600", "cluster-replica-no-failover yes"}) {
    server_options.config.emplace_back(line);
  }
  const std::size_t count = options.has_replicas ? 2 * primaries_ : primaries_;
  for (std::size_t i = 0; i < count; ++i) {
    servers_.push_back(std::make_unique<RedisServer>(server_options));
  }
  join(options.announced_host);
  for (const auto& server : servers_) {
    server->command({"CONFIG", "SET", "cluster-node-timeout",
                     std::to_string(options.node_timeout.count()), "cluster-replica-no-failover",
                     "no"});
    server->command({"CONFIG", "REWRITE"});
  }
}

// They are told of each other by the file in which each keeps that: to find each other by CLUSTER
// MEET takes them seconds.
void RedisCluster::join(const std::string& announced_host) {
  std::vector<std::string> ids;
  for (const auto& server : servers_) ids.push_back(id_of(*server));
  const auto line_of = [&](std::size_t i, bool is_itself) {
    const RedisServer& server = *servers_[i];
    std::string line = ids[i] + " 127.0.0.1:" + std::to_string(cluster_port_of(server)) + "@" +
                       std::to_string(server.bus_port());
    if (!announced_host.empty()) line += "," + announced_host;
    line += is_itself ? " myself," : " ";
    const bool is_primary = i < primaries_;
    line += is_primary ? "master -" : "slave " + ids[i - primaries_];
    line += " 0 0 " + std::to_string(i % primaries_ + 1) + " connected";
    if (is_primary) {
      line += ' ';
      line += std::to_string(i * slot_count / primaries_);
      line += '-';
      line += std::to_string((i + 1) * slot_count / primaries_ - 1);
    }
    return line + "\n";
  };
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    std::string nodes;
    for (std::size_t j = 0; j < servers_.size(); ++j) nodes += line_of(j, i == j);
    nodes += "vars currentEpoch " + std::to_string(primaries_) + " lastVoteEpoch 0\n";
    servers_[i]->restart_in_cluster(nodes);
  }
  await_well();
}

void RedisCluster::await_well() {
  // Each question needs connections to all: not as often as others are asked.
  const auto is_well = [this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    return all_are_well();
  };
  require_soon("a cluster: well", is_well);
}

bool RedisCluster::all_are_well() {
  return std::ranges::all_of(servers_, [this](const auto& server) {
    const auto info = server->probe().text({"CLUSTER", "INFO"});
    if (info.find("cluster_state:ok") == std::string::npos) return false;
    for (std::size_t i = 0; i < primaries_; ++i) {
      const auto slot = static_cast<std::uint16_t>(i * slot_count / primaries_ + 1);
      if (ports_of(*server, slot).size() != servers_.size() / primaries_) return false;
    }
    const auto role = server->probe().command({"ROLE"});
    return role.at(0) == "master" || role.at(3) == "connected";
  });
}

std::uint16_t RedisCluster::cluster_port_of(const RedisServer& server) const {
  return has_tls_ ? server.tls_port() : server.port();
}

RedisOptions RedisCluster::options() const {
  const RedisServer& first = *servers_.front();
  const RedisServer& last = *servers_.back();
  RedisOptions options = has_tls_ ? first.tls_options() : first.options();
  options.cluster = "127.0.0.1:" + std::to_string(cluster_port_of(first)) +
                    ",127.0.0.1:" + std::to_string(cluster_port_of(last));
  return options;
}

RedisOptions RedisCluster::admin_options() const {
  RedisOptions result = options();
  const RedisOptions admin = servers_.front()->admin_options();
  result.username = admin.username;
  result.password = admin.password;
  return result;
}

// The primary's first.
std::vector<std::uint16_t> RedisCluster::ports_of(RedisServer& asked, std::uint16_t slot) {
  std::vector<std::uint16_t> ports;
  for (const auto& range : asked.command({"CLUSTER", "SLOTS"})) {
    if (slot < range.at(0).get<int>() || slot > range.at(1).get<int>()) continue;
    for (std::size_t i = 2; i < range.size(); ++i) {
      ports.push_back(range.at(i).at(1).get<std::uint16_t>());
    }
  }
  return ports;
}

bool RedisCluster::is_up(RedisServer& server) const {
  return &server != paused_ && server.is_running();
}

RedisServer& RedisCluster::any_up() {
  return **std::ranges::find_if(servers_, [this](const auto& server) { return is_up(*server); });
}

void RedisCluster::pause(RedisServer& server) {
  server.pause();
  paused_ = &server;
}

void RedisCluster::resume(RedisServer& server) {
  server.resume();
  paused_ = nullptr;
}

RedisServer& RedisCluster::by_port(std::uint16_t port) {
  const auto found =
      std::ranges::find_if(servers_, [port](const auto& server) { return server->port() == port; });
  if (found == servers_.end()) throw std::runtime_error("RedisCluster: no such node");
  return **found;
}

std::uint16_t RedisCluster::slot_of(const std::string& name) {
  return any_up().command({"CLUSTER", "KEYSLOT", name}).get<std::uint16_t>();
}

RedisServer& RedisCluster::primary_of(std::uint16_t slot) {
  RedisServer* primary = nullptr;
  require_soon("a cluster: agreed", [&] {
    const auto ports = ports_of(any_up(), slot);
    if (ports.empty()) return false;
    primary = &by_port(ports.front());
    return all_name(slot, *primary);
  });
  return *primary;
}

RedisServer& RedisCluster::replica_of(std::uint16_t slot) {
  return by_port(ports_of(any_up(), slot).at(1));
}

RedisServer& RedisCluster::another_primary(std::uint16_t slot) {
  const int step = slot_count / static_cast<int>(primaries_);
  const RedisServer& own = primary_of(slot);
  // The slot itself may have moved already.
  RedisServer& next = primary_of(static_cast<std::uint16_t>((slot + step) % slot_count));
  if (&next != &own) return next;
  return primary_of(static_cast<std::uint16_t>((slot + 2 * step) % slot_count));
}

bool RedisCluster::all_name(std::uint16_t slot, const RedisServer& primary) {
  return std::ranges::all_of(servers_, [&](const auto& server) {
    if (!is_up(*server)) return true;
    const auto ports = ports_of(*server, slot);
    return !ports.empty() && ports.front() == primary.port();
  });
}

void RedisCluster::fail_over(std::uint16_t slot) {
  // The replica gives up after five seconds, as when the others have voted of late.
  constexpr std::chrono::seconds given_up_after{6};
  const RedisServer& former = primary_of(slot);
  std::chrono::steady_clock::time_point ask_again_at{};
  const auto is_over = [&] {
    if (&primary_of(slot) != &former) return true;
    const auto now = std::chrono::steady_clock::now();
    if (now < ask_again_at) return false;
    try {
      replica_of(slot).command({"CLUSTER", "FAILOVER"});
      ask_again_at = now + given_up_after;
    } catch (const std::exception& /*it is not known, or has not caught up, yet*/) {
    }
    return false;
  };
  require_soon("a cluster: failed over", is_over);
}

void RedisCluster::await_failover(std::uint16_t slot, const RedisServer& former) {
  const auto is_over = [&] {
    const RedisServer& now = primary_of(slot);
    return &now != &former && all_name(slot, now);
  };
  require_soon("a cluster: failed over", is_over);
}

void RedisCluster::begin_migration(std::uint16_t slot, RedisServer& from, RedisServer& to) {
  to.command({"CLUSTER", "SETSLOT", std::to_string(slot), "IMPORTING", id_of(from)});
  from.command({"CLUSTER", "SETSLOT", std::to_string(slot), "MIGRATING", id_of(to)});
}

void RedisCluster::move_keys(std::uint16_t slot, RedisServer& from, RedisServer& to) {
  for (;;) {
    const auto keys = from.probe().array({"CLUSTER", "GETKEYSINSLOT", std::to_string(slot), "100"});
    if (keys.empty()) return;
    for (const std::string& key : keys) {
      from.command({"MIGRATE", "127.0.0.1", std::to_string(to.port()), key, "0", "5000"});
    }
  }
}

void RedisCluster::end_migration(std::uint16_t slot, RedisServer& to) {
  const std::string id = id_of(to);
  to.command({"CLUSTER", "SETSLOT", std::to_string(slot), "NODE", id});
  for (const auto& server : servers_) {
    const bool is_primary = is_up(*server) && server->command({"ROLE"}).at(0) == "master";
    if (is_primary) server->command({"CLUSTER", "SETSLOT", std::to_string(slot), "NODE", id});
  }
  require_soon("a cluster: the other's", [&] { return all_name(slot, to); });
}

}  // namespace mesh::test
