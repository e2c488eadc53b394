#include "registry_load.hpp"

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <scaling/redis_usage.hpp>
#include <scaling/servers.hpp>

#include "registered_nodes.hpp"

#include <async/event.hpp>
#include <core/keys.hpp>
#include <core/registry.hpp>
#include <redis/client.hpp>

namespace mesh::bench {

namespace {

using core::Registry;
using Action = std::function<asio::awaitable<void>(std::size_t place)>;

TimePoint soon() { return Clock::now() + std::chrono::minutes(2); }

double milliseconds_since(TimePoint begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

/// A node as far as the registry is concerned: with a connection of its own.
struct Registrant {
  std::shared_ptr<redis::Client> client{};
  std::unique_ptr<Registry> registry{};
  InstanceId id = 0;
};

class RegistryLoad {
 public:
  RegistryLoad(Strand strand, RegistryLoadOptions options, Figures& figures)
      : strand_(std::move(strand)),
        options_(std::move(options)),
        figures_(figures),
        mesh_options_(servers_.node_options(false).mesh_options()),
        keys_(mesh_options_.redis, NodeOptions::mesh_key) {}

  asio::awaitable<void> run() {
    probe_.command({"SET", keys_.leader_lock(), lock_value});
    probe_.command({"SET", keys_.leader_last_term(), "server 0"});
    for (std::size_t i = 0; i < count; ++i) co_await add_registrant();
    for (const std::size_t nodes : options_.nodes) {
      std::cerr << nodes << " registered nodes" << std::endl;
      nodes_ = nodes;
      fill_registry(probe_, keys_, nodes);
      co_await measure_heartbeats();
      co_await measure_cleanup();
      co_await measure_list();
    }
    co_await measure_announcements();
    co_await close();
  }

 private:
  static constexpr std::size_t count = 64;
  static constexpr const char* lock_value = "leader";
  // The others send no heartbeats, and are to stay.
  static constexpr std::chrono::hours node_ttl{1};

  void set(const std::string& name, double value) {
    figures_.set("registry." + name, nodes_, value);
  }

  std::shared_ptr<redis::Client> make_client(const char* name) const {
    return std::make_shared<redis::Client>(strand_, mesh_options_.redis, name,
                                           mesh_options_.limits.queued_bytes, mesh_options_.log,
                                           nullptr, keys_.slot());
  }

  asio::awaitable<void> add_registrant() {
    Registrant added;
    added.client = make_client("commands");
    added.client->open();
    co_await added.client->wait_ready(soon());
    // Who hears the nodes' channels is left to the scripts: it takes one question more.
    Registry::Context context{strand_, added.client, keys_, node_ttl, "host.example.com", nullptr};
    added.registry = std::make_unique<Registry>(std::move(context));
    added.id = co_await added.registry->claim_id(soon());
    registrants_.push_back(std::move(added));
    co_await beat(registrants_.size() - 1);
  }

  asio::awaitable<void> beat(std::size_t place) {
    Registrant& node = registrants_.at(place % count);
    Registry::Beat beat;
    beat.id = node.id;
    const auto found = co_await node.registry->heartbeat(beat, soon());
    if (found.registration == Registry::Registration::taken_by_another) {
      throw std::runtime_error("a heartbeat finds another owner");
    }
  }

  asio::awaitable<void> repeat(Action action, std::size_t times, std::size_t first) {
    for (std::size_t i = 0; i < times; ++i) co_await action(first + i);
  }

  /// Each of so many at the same time.
  asio::awaitable<void> repeat_side_by_side(Action action, std::size_t times) {
    Event one_ended(strand_);
    std::size_t running = count;
    std::exception_ptr failure;
    for (std::size_t i = 0; i < count; ++i) {
      const Action same = [&action, i](std::size_t /*place*/) { return action(i); };
      asio::co_spawn(strand_, repeat(same, times / count, i), [&](const std::exception_ptr& error) {
        if (error) failure = error;
        --running;
        one_ended.notify_all();
      });
    }
    while (running > 0) co_await one_ended.wait_until(TimePoint::max());
    if (failure) std::rethrow_exception(failure);
  }

  /// Of one of so many that were run since.
  void set_costs(const std::string& name, const RedisUsage& before, std::size_t times) {
    const RedisUsage used = redis_usage(probe_).since(before);
    const auto n = static_cast<double>(times);
    set(name + ".redis_cpu_us", used.cpu_microseconds / n);
    const auto script = used.commands.find("evalsha");
    if (script == used.commands.end()) return;
    set(name + ".script_us", static_cast<double>(script->second.microseconds) / n);
  }

  asio::awaitable<void> measure_heartbeats() {
    const std::size_t times = 100 * options_.repetitions;
    const Action action = [this](std::size_t place) { return beat(place); };
    RedisUsage before = redis_usage(probe_);
    co_await repeat(action, times, 0);
    set_costs("heartbeat_alone", before, times);
    const std::size_t many = 64 * times / count * count;
    before = redis_usage(probe_);
    co_await repeat_side_by_side(action, many);
    set_costs("heartbeat_busy", before, many);
  }

  asio::awaitable<void> measure_cleanup() {
    const Registry::Mandate mandate{keys_.leader_lock(), lock_value, ""};
    const Action action = [&](std::size_t /*place*/) -> asio::awaitable<void> {
      const Registrant& node = registrants_.front();
      const auto reports = co_await node.registry->remove_dead(node.id, mandate, soon());
      if (!reports || !reports->empty()) throw std::runtime_error("a cleanup goes wrong");
    };
    co_await measure_one_by_one("cleanup", action);
  }

  asio::awaitable<void> measure_list() {
    const Action action = [this](std::size_t /*place*/) -> asio::awaitable<void> {
      const Registrant& node = registrants_.front();
      const auto list = co_await node.registry->list(node.id, soon());
      if (list.size() != nodes_) throw std::runtime_error("nodes are missing from the list");
    };
    const RedisUsage before = redis_usage(probe_);
    co_await measure_one_by_one("get_nodes", action);
    const RedisUsage used = redis_usage(probe_).since(before);
    set("get_nodes.bytes",
        static_cast<double>(used.output_bytes) / static_cast<double>(options_.repetitions));
  }

  asio::awaitable<void> measure_one_by_one(std::string name, Action action) {
    std::vector<double> times;
    const RedisUsage before = redis_usage(probe_);
    for (std::size_t i = 0; i < options_.repetitions; ++i) {
      const TimePoint begin = Clock::now();
      co_await action(i);
      times.push_back(milliseconds_since(begin));
    }
    set_costs(name, before, options_.repetitions);
    set(name + ".ms", median(times));
  }

  /// What one who listens adds: to an announcement, to a pulse, and to a broadcast.
  asio::awaitable<void> measure_announcements() {
    const double without = announce();
    constexpr std::size_t watchers = 1000;
    std::vector<std::shared_ptr<redis::Client>> clients;
    for (std::size_t i = 0; i < watchers; ++i) {
      clients.push_back(make_client("pub/sub"));
      clients.back()->open();
      co_await clients.back()->wait_ready(soon());
      std::string channel = keys_.events_channel();
      co_await clients.back()->subscribe(std::move(channel), soon());
    }
    const double with = announce();
    set("announcement.redis_cpu_us_per_listener", (with - without) / watchers);
    for (const auto& client : clients) client->close();
    for (const auto& client : clients) co_await client->join_until(soon());
  }

  /// The CPU time of one, in microseconds.
  double announce() {
    const RedisUsage before = redis_usage(probe_);
    for (std::size_t i = 0; i < options_.repetitions; ++i) {
      probe_.command({"SPUBLISH", keys_.events_channel(), R"({"joined":1})"});
    }
    return redis_usage(probe_).since(before).cpu_microseconds /
           static_cast<double>(options_.repetitions);
  }

  asio::awaitable<void> close() {
    for (Registrant& node : registrants_) node.client->close();
    for (Registrant& node : registrants_) co_await node.client->join_until(soon());
  }

  Strand strand_;
  RegistryLoadOptions options_;
  Figures& figures_;
  Servers servers_{1};
  test::RedisProbe& probe_{servers_.registry()};
  MeshOptions mesh_options_;
  core::Keys keys_;
  std::vector<Registrant> registrants_;
  std::size_t nodes_ = 0;
};

}  // namespace

asio::awaitable<void> measure_registry_load(Strand strand, RegistryLoadOptions options,
                                            Figures& figures) {
  const auto load = std::make_unique<RegistryLoad>(std::move(strand), std::move(options), figures);
  co_await load->run();
}

}  // namespace mesh::bench
