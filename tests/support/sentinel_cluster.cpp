#include <support/sentinel_cluster.hpp>

#include <fstream>
#include <map>
#include <stdexcept>
#include <utility>

#include <support/wait.hpp>

namespace mesh::test {

namespace {

constexpr std::chrono::seconds patience{60};

void require_soon(const std::string& what, const auto& predicate) {
  if (!wait_until(predicate, patience)) throw std::runtime_error("SentinelCluster: not " + what);
}

/// What Sentinel and Redis call a flat list of names and values.
std::map<std::string, std::string> to_map(const std::vector<std::string>& flat) {
  std::map<std::string, std::string> result;
  for (std::size_t i = 0; i + 1 < flat.size(); i += 2) result[flat[i]] = flat[i + 1];
  return result;
}

}  // namespace

const std::string& SentinelCluster::name() {
  static const std::string text = "mesh-master";
  return text;
}

SentinelCluster::SentinelCluster(std::size_t sentinels) : master_(std::make_unique<RedisServer>()) {
  RedisServerOptions replica_options;
  replica_options.config = {"replicaof 127.0.0.1 " + std::to_string(master_->port())};
  replica_ = std::make_unique<RedisServer>(replica_options);
  require_soon("in step", [this] { return replica_in_step(); });
  for (std::size_t i = 0; i < sentinels; ++i) {
    sentinels_.push_back(start_sentinel(sentinels / 2 + 1));
  }
  for (std::size_t i = 0; i < sentinels; ++i) {
    require_soon("known to Sentinel", [this, i] { return knows_everyone(i); });
  }
}

SentinelCluster::Sentinel SentinelCluster::start_sentinel(std::size_t quorum) const {
  Sentinel sentinel;
  sentinel.directory = std::make_unique<TempDir>();
  const auto config_path = sentinel.directory->path() / "sentinel.conf";
  for (int attempt = 0; attempt < 10; ++attempt) {
    sentinel.port = find_free_port();
    {
      std::ofstream config(config_path);
      config << "bind 127.0.0.1\nport " << sentinel.port << "\ndir "
             << sentinel.directory->path().string() << "\nprotected-mode no\nsentinel monitor "
             << name() << " 127.0.0.1 " << master_->port() << " " << quorum
             << "\nsentinel down-after-milliseconds " << name()
             << " 2000\nsentinel failover-timeout " << name() << " 6000\n";
    }
    ProcessOptions options;
    options.command = {"redis-sentinel", config_path.string()};
    options.output = sentinel.directory->path() / "sentinel.log";
    sentinel.process = std::make_unique<ChildProcess>(options);
    RedisOptions address;
    address.port = sentinel.port;
    const auto answers = [&address] {
      try {
        return RedisProbe(address, std::chrono::seconds(1)).text({"PING"}) == "PONG";
      } catch (const RedisProbeError&) {
        return false;
      }
    };
    wait_until([&] { return !sentinel.process->is_running() || answers(); }, patience);
    if (sentinel.process->is_running() && answers()) return sentinel;
  }
  throw std::runtime_error("redis-sentinel does not start");
}

bool SentinelCluster::replica_in_step() const {
  const std::string info = replica_->probe().text({"INFO", "replication"});
  return info.find("master_link_status:up") != std::string::npos;
}

bool SentinelCluster::knows_everyone(std::size_t index) const {
  const auto state = to_map(sentinel_probe(index).array({"SENTINEL", "MASTER", name()}));
  return state.at("num-slaves") == "1" &&
         state.at("num-other-sentinels") == std::to_string(sentinels_.size() - 1);
}

std::uint16_t SentinelCluster::sentinel_port(std::size_t index) const {
  return sentinels_.at(index).port;
}

RedisOptions SentinelCluster::options() const {
  RedisOptions options = master_->options();
  options.host = "sentinel-decides.invalid";
  options.port = 1;
  options.sentinel_host = "127.0.0.1";
  options.sentinel_port = sentinel_port();
  options.sentinel_name = name();
  return options;
}

RedisProbe SentinelCluster::sentinel_probe(std::size_t index) const {
  RedisOptions address;
  address.port = sentinel_port(index);
  return RedisProbe(address);
}

std::uint16_t SentinelCluster::master_port() const {
  const auto address = sentinel_probe().array({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", name()});
  return static_cast<std::uint16_t>(std::stoi(address.at(1)));
}

RedisServer& SentinelCluster::master() {
  return master_port() == master_->port() ? *master_ : *replica_;
}

void SentinelCluster::begin_failover() {
  sentinel_probe().command({"SENTINEL", "FAILOVER", name()});
}

bool SentinelCluster::is_failed_over() const {
  return master_port() == replica_->port() && replica_->probe().command({"ROLE"}).at(0) == "master";
}

void SentinelCluster::failover() {
  // Right after the start, Sentinel may still take the replica for unsuitable.
  require_soon("willing to fail over", [this] {
    try {
      begin_failover();
      return true;
    } catch (const RedisProbeError&) {
      return false;
    }
  });
  require_soon("failed over", [this] { return is_failed_over(); });
}

}  // namespace mesh::test
