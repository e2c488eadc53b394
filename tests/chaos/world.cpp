#include "world.hpp"

#include <chrono>
#include <sstream>
#include <stdexcept>

#include <support/wait.hpp>

#include "rig_watch.hpp"

namespace mesh::chaos {

namespace {

constexpr std::size_t sentinels = 3;
constexpr std::chrono::seconds patience{1};

}  // namespace

std::string name_of(RedisKind kind) {
  if (kind == RedisKind::cluster) return "cluster";
  return kind == RedisKind::sentinel ? "sentinel" : "plain";
}

World::World(RedisKind kind) : kind_(kind) {
  if (kind == RedisKind::cluster) {
    test::RedisClusterOptions options;
    options.node_timeout = std::chrono::seconds(2);
    cluster_ = std::make_unique<test::RedisCluster>(options);
  } else if (kind == RedisKind::sentinel) {
    failover_pair_ = std::make_unique<test::SentinelCluster>(sentinels);
  } else {
    single_ = std::make_unique<test::RedisServer>();
  }
}

std::string World::stem() const {
  const std::string stem = "chaos:mesh:chaos";
  return cluster_ ? "{" + stem + "}" : stem;
}

std::string World::lock() const {
  return cluster_ ? stem() + ":leader" : "chaos:leader:mesh:chaos";
}

std::string World::node_channel(InstanceId id) {
  return "chaos:mesh:chaos:node:" + std::to_string(id);
}

std::uint16_t World::slot_of(const std::string& name) { return cluster_->slot_of(name); }

std::vector<test::RedisServer*> World::servers() {
  if (single_) return {single_.get()};
  if (cluster_) {
    std::vector<test::RedisServer*> all;
    for (std::size_t i = 0; i < cluster_->size(); ++i) all.push_back(&cluster_->server(i));
    return all;
  }
  return {&failover_pair_->first_master(), &failover_pair_->first_replica()};
}

test::RedisServer& World::master() {
  if (single_) return *single_;
  if (cluster_) return cluster_->primary_of(registry_slot());
  try {
    return failover_pair_->master();
  } catch (const test::RedisProbeError&) {
    return failover_pair_->first_master();
  }
}

test::RedisProbe World::probe() { return master().probe(patience); }

void World::each_primary(const test::RedisProbe::Command& command) {
  if (!cluster_) {
    probe().command(command);
    return;
  }
  for (test::RedisServer* const server : servers()) {
    if (is_master(*server)) server->probe(patience).command(command);
  }
}

test::RedisServer& World::server_of(const std::string& node_channel) {
  return cluster_ ? cluster_->primary_of(slot_of(node_channel)) : master();
}

std::int64_t World::publish(const std::string& node_channel, const std::string& text) {
  return server_of(node_channel)
      .probe(patience)
      .integer({cluster_ ? "SPUBLISH" : "PUBLISH", node_channel, text});
}

std::int64_t World::subscribers(const std::string& node_channel) {
  return server_of(node_channel)
      .probe(patience)
      .command({"PUBSUB", cluster_ ? "SHARDNUMSUB" : "NUMSUB", node_channel})
      .at(1)
      .get<std::int64_t>();
}

void World::add_replica() {
  replica_ = std::make_unique<test::RedisServer>();
  // Not in its configuration, by which it may be started again as the master.
  replica_->command({"REPLICAOF", "127.0.0.1", std::to_string(single_->port())});
  const auto in_step = [&] {
    const auto state = replica_->command({"INFO", "replication"}).get<std::string>();
    return state.find("master_link_status:up") != std::string::npos;
  };
  if (!test::wait_until(in_step, std::chrono::seconds(30))) {
    throw std::runtime_error("the replica is not in step with its master");
  }
}

void World::swap_roles(const std::function<void()>& between) {
  single_->command({"REPLICAOF", "127.0.0.1", std::to_string(replica_->port())});
  between();
  replica_->command({"REPLICAOF", "NO", "ONE"});
  std::swap(single_, replica_);
}

std::string World::clients_of_replica() {
  test::RedisProbe probe = replica_->probe(patience);
  const std::string normal = probe.text({"CLIENT", "LIST", "TYPE", "normal"});
  const std::string self = "id=" + std::to_string(probe.integer({"CLIENT", "ID"})) + " ";
  std::string others = probe.text({"CLIENT", "LIST", "TYPE", "pubsub"});
  std::istringstream lines(normal);
  for (std::string line; std::getline(lines, line);) {
    const bool is_of_rig = line.find(std::string(" name=") + ping_client_name) != std::string::npos;
    if (!line.starts_with(self) && !is_of_rig) others += line + "\n";
  }
  return others;
}

bool World::begin_failover() {
  try {
    failover_pair_->begin_failover();
    return true;
  } catch (const test::RedisProbeError&) {
    return false;
  }
}

bool World::is_master(test::RedisServer& server) {
  try {
    return server.probe(patience).command({"ROLE"}).at(0) == "master";
  } catch (const test::RedisProbeError&) {
    return false;
  }
}

bool World::is_settled() {
  if (!failover_pair_) return true;
  try {
    test::RedisServer& named = failover_pair_->master();
    for (test::RedisServer* server : servers()) {
      if (is_master(*server) != (server == &named)) return false;
    }
    return true;
  } catch (const test::RedisProbeError&) {
    return false;
  }
}

MasterWatch::MasterWatch(World& world, EventLog& log, std::function<void()> on_begin,
                         std::function<void()> on_end)
    : world_(world),
      log_(log),
      on_begin_(std::move(on_begin)),
      on_end_(std::move(on_end)),
      thread_([this] { run(); }) {}

MasterWatch::~MasterWatch() {
  stop_ = true;
  thread_.join();
}

void MasterWatch::run() {
  if (!world_.has_sentinel()) return;
  const auto* known = &world_.master();
  Nanoseconds well = now_ns();
  bool disturbed = false;
  while (!stop_) {
    const Nanoseconds looked = now_ns();
    const auto* const now = &world_.master();
    if (world_.is_settled() && now == known) {
      if (disturbed) {
        log_.write("loss", {{"kind", "failover"}, {"from", well}, {"to", now_ns()}});
        disturbed = false;
        on_end_();
      }
      well = looked;
    } else {
      if (!disturbed) on_begin_();
      disturbed = true;
      known = now;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  if (disturbed) log_.write("loss", {{"kind", "failover"}, {"from", well}, {"to", now_ns()}});
}

}  // namespace mesh::chaos
