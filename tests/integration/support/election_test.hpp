#pragma once

#include <string>
#include <vector>

#include <integration/support/mesh_test.hpp>
#include <mesh/leader_service.hpp>

namespace mesh::test {

inline LeaderOptions quick() {
  LeaderOptions options;
  options.ttl = 1s;
  options.renewal_interval = 200ms;
  options.retry_delay = 100ms;
  options.wait_after_data_loss = false;
  return options;
}

/// A term that does not run out during a test.
inline LeaderOptions enduring() {
  LeaderOptions options = quick();
  options.ttl = 60s;
  return options;
}

/// One that takes part in an election, and what it was told.
struct Contender {
  Contender(const asio::any_io_executor& executor, const std::string& key,
            const RedisOptions& redis, LeaderOptions options)
      : service(executor, key, options, redis, log.sink()) {
    service.set_became_leader_callback([this] { events.emplace_back("became"); });
    service.set_lost_leader_callback([this] { events.emplace_back("lost"); });
  }

  LogCapture log;
  std::vector<std::string> events;
  LeaderService service;
};

inline asio::awaitable<bool> becomes_leader(LeaderService& service) {
  const auto leads = [&] { return service.is_leader(); };
  co_return co_await eventually(leads);
}

inline asio::awaitable<bool> ceases_to_lead(LeaderService& service) {
  const auto leads_not = [&] { return !service.is_leader(); };
  co_return co_await eventually(leads_not);
}

/// `events` are separated by spaces.
inline asio::awaitable<bool> hears(const Contender& contender, std::string events) {
  const auto heard = [&] {
    std::string text;
    for (const std::string& event : contender.events) {
      if (!text.empty()) text += ' ';
      text += event;
    }
    return text;
  };
  const auto all_heard = [&] { return heard() == events; };
  const bool result = co_await eventually(all_heard);
  EXPECT_EQ(heard(), events);
  co_return result;
}

/// A test of an election without a mesh, on the Redis that all tests of the process share.
class ElectionTest : public MeshTest {
 protected:
  ElectionTest() : election_probe_(probe().at_primary_of(election_lock())) {}

  std::string election_lock(const std::string& prefix = "test") const {
    const std::string stem = prefix + ":leader:" + key();
    return on_cluster() ? "{" + stem + "}:lock" : stem;
  }
  /// In a cluster of the primary that has the lock.
  RedisProbe& election_probe() { return election_probe_; }

 private:
  RedisProbe election_probe_;
};

}  // namespace mesh::test
