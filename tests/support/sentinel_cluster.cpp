#include <support/sentinel_cluster.hpp>

#include <fstream>
#include <map>
#include <stdexcept>
#include <utility>

#include <support/wait.hpp>

namespace mesh::test {

namespace {

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

SentinelCluster::SentinelCluster(std::size_t sentinels)
    : SentinelCluster(SentinelClusterOptions{sentinels, {}, {}, false}) {}

SentinelCluster::SentinelCluster(SentinelClusterOptions options) : options_(std::move(options)) {
  RedisServerOptions server_options;
  server_options.tls = options_.tls;
  if (options_.tls) server_options.config = {"tls-replication yes"};
  RedisServerOptions master_options = server_options;
  if (options_.stubborn_master) master_options.config.emplace_back("rename-command SLAVEOF \"\"");
  master_ = std::make_unique<RedisServer>(master_options);
  server_options.config.push_back("replicaof 127.0.0.1 " + std::to_string(port_of(*master_)));
  replica_ = std::make_unique<RedisServer>(server_options);
  require_soon("a Sentinel cluster: in step", [this] { return replica_in_step(); });
  for (std::size_t i = 0; i < options_.sentinels; ++i) sentinels_.push_back(start_sentinel());
  for (std::size_t i = 0; i < options_.sentinels; ++i) {
    require_soon("a Sentinel cluster: known to Sentinel", [this, i] { return knows_everyone(i); });
  }
}

std::uint16_t SentinelCluster::port_of(const RedisServer& server) const {
  return options_.tls ? server.tls_port() : server.port();
}

void SentinelCluster::write_config(const Sentinel& sentinel) const {
  std::ofstream config(sentinel.directory->path() / "sentinel.conf");
  config << "bind 127.0.0.1\nport " << sentinel.port << "\ndir "
         << sentinel.directory->path().string() << "\nprotected-mode no\n";
  if (options_.tls) {
    config << "tls-port " << sentinel.tls_port << "\ntls-replication yes\n";
    for (const std::string& line : config_lines(*options_.tls)) config << line << "\n";
  }
  if (!options_.sentinel_password.empty()) {
    config << "requirepass " << options_.sentinel_password << "\nsentinel sentinel-pass "
           << options_.sentinel_password << "\n";
  }
  config << "sentinel monitor " << name() << " 127.0.0.1 " << port_of(*master_) << " "
         << options_.sentinels / 2 + 1 << "\nsentinel down-after-milliseconds " << name()
         << " 2000\nsentinel failover-timeout " << name() << " 6000\n";
}

SentinelCluster::Sentinel SentinelCluster::start_sentinel() const {
  Sentinel sentinel;
  sentinel.directory = std::make_unique<TempDir>();
  for (int attempt = 0; attempt < 10; ++attempt) {
    sentinel.port = find_free_port();
    if (options_.tls) sentinel.tls_port = find_free_port();
    write_config(sentinel);
    ProcessOptions options;
    options.command = {"redis-sentinel", (sentinel.directory->path() / "sentinel.conf").string()};
    options.output = sentinel.directory->path() / "sentinel.log";
    sentinel.process = std::make_unique<ChildProcess>(options);
    RedisOptions address;
    address.port = sentinel.port;
    address.password = options_.sentinel_password;
    const auto answers = [&address] {
      try {
        return RedisProbe(address, std::chrono::seconds(1)).text({"PING"}) == "PONG";
      } catch (const RedisProbeError&) {
        return false;
      }
    };
    wait_until([&] { return !sentinel.process->is_running() || answers(); },
               std::chrono::seconds(60));
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
  return options_.tls ? sentinels_.at(index).tls_port : sentinels_.at(index).port;
}

std::string SentinelCluster::sentinel_list() const {
  std::string list;
  for (std::size_t i = 0; i < sentinels_.size(); ++i) {
    list += (i == 0 ? "127.0.0.1:" : ",127.0.0.1:") + std::to_string(sentinel_port(i));
  }
  return list;
}

RedisOptions SentinelCluster::options() const {
  RedisOptions options = options_.tls ? master_->tls_options() : master_->options();
  options.host = "sentinel-decides.invalid";
  options.port = 1;
  options.sentinel_host = "127.0.0.1";
  options.sentinel_port = sentinel_port();
  options.sentinel_name = name();
  options.sentinel_password = options_.sentinel_password;
  return options;
}

RedisProbe SentinelCluster::sentinel_probe(std::size_t index) const {
  RedisOptions address;
  address.port = sentinels_.at(index).port;
  address.password = options_.sentinel_password;
  return RedisProbe(address);
}

std::uint16_t SentinelCluster::master_port() const {
  const auto address = sentinel_probe().array({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", name()});
  return static_cast<std::uint16_t>(std::stoi(address.at(1)));
}

RedisServer& SentinelCluster::master() {
  return master_port() == port_of(*master_) ? *master_ : *replica_;
}

void SentinelCluster::begin_failover() {
  sentinel_probe().command({"SENTINEL", "FAILOVER", name()});
}

bool SentinelCluster::is_failed_over() const {
  if (master_port() != port_of(*replica_)) return false;
  try {
    return replica_->probe().command({"ROLE"}).at(0) == "master";
  } catch (const RedisProbeError&) {
    return false;  // Sentinel closes all connections to a server that it promotes
  }
}

void SentinelCluster::failover() {
  // Right after the start, Sentinel may still take the replica for unsuitable.
  require_soon("a Sentinel cluster: willing to fail over", [this] {
    try {
      begin_failover();
      return true;
    } catch (const RedisProbeError&) {
      return false;
    }
  });
  require_soon("a Sentinel cluster: failed over", [this] { return is_failed_over(); });
}

}  // namespace mesh::test
