// Meshes on a Redis Cluster.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/sentinel_nodes.hpp>
#include <integration/support/outcome.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/log_capture.hpp>
#include <support/redis_cluster.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

const std::string cluster_stem = "{test:mesh:faults}:";

/// Three nodes on a cluster, which count what they run.
class ClusterMesh {
 public:
  static constexpr std::size_t size = 3;

  ClusterMesh(RedisCluster& servers, const asio::any_io_executor& executor) : cluster(servers) {
    for (std::size_t i = 0; i < size; ++i) {
      nodes.push_back(std::make_unique<Node>(executor, mesh_key, options()));
      nodes.back()->register_handler<"echo">([this](const std::string& text) {
        ++runs;
        return text;
      });
      nodes.back()->register_broadcast_handler<"news">(
          [this](const std::string& /*text*/) { ++news; });
    }
  }

  MeshOptions options() const {
    MeshOptions result = patient_options(cluster.options(), log);
    result.request_timeout = 60s;
    return result;
  }
  asio::awaitable<void> start() {
    for (const auto& node : nodes) co_await node->start();
  }
  asio::awaitable<void> stop() {
    for (const auto& node : nodes) co_await node->stop();
  }

  /// Each calls each; all must be answered, and have run once.
  asio::awaitable<void> expect_calls_succeed() {
    const int before = runs;
    for (const auto& from : nodes) {
      for (const auto& to : nodes) {
        const std::string text = "hello";
        std::string error;
        try {
          EXPECT_EQ(co_await from->invoke<"echo">(to->instance_id(), text), text);
        } catch (const std::exception& failure) {
          error = failure.what();
        }
        EXPECT_EQ(error, "") << log.text();
      }
    }
    EXPECT_EQ(runs - before, static_cast<int>(size * size));
  }

  Node& leader() {
    for (const auto& node : nodes) {
      if (node->leader().is_leader()) return *node;
    }
    throw std::runtime_error("nobody leads");
  }
  asio::awaitable<bool> one_leads() {
    const auto leads = [this] {
      int leaders = 0;
      for (const auto& node : nodes) leaders += node->leader().is_leader() ? 1 : 0;
      return leaders == 1;
    };
    co_return co_await eventually(leads, 60s);
  }

  std::uint16_t slot_of(const std::string& name) {
    return cluster.server(0).command({"CLUSTER", "KEYSLOT", name}).get<std::uint16_t>();
  }
  std::uint16_t slot_of(const Node& node) { return slot_of(channel_of(node.instance_id())); }
  std::uint16_t registry_slot() { return slot_of(cluster_stem + "heartbeats"); }

  void migrate(std::uint16_t slot) {
    RedisServer& from = cluster.primary_of(slot);
    RedisServer& to = cluster.another_primary(slot);
    cluster.begin_migration(slot, from, to);
    cluster.move_keys(slot, from, to);
    cluster.end_migration(slot, to);
  }

  RedisCluster& cluster;
  LogCapture log;
  std::atomic<int> runs = 0;
  std::atomic<int> news = 0;
  std::vector<std::unique_ptr<Node>> nodes;
};

template <typename Body>
void with_cluster_mesh(Body body, RedisClusterOptions options = {}) {
  RedisCluster cluster(std::move(options));
  const auto run = [&](asio::io_context& context) -> asio::awaitable<void> {
    ClusterMesh mesh(cluster, context.get_executor());
    co_await mesh.start();
    co_await body(mesh);
    co_await mesh.stop();
  };
  run_coroutine(run, beside_the_body());
}

RedisClusterOptions with_short_silence() {
  RedisClusterOptions options;
  options.node_timeout = 1500ms;
  return options;
}

TEST(MeshOnCluster, CallsBroadcastsAndTheElectionWork) {
  with_cluster_mesh([](ClusterMesh& mesh) -> asio::awaitable<void> {
    co_await mesh.expect_calls_succeed();
    co_await mesh.expect_calls_succeed();
    const std::string text = "news";
    co_await mesh.nodes[0]->broadcast<"news">(text);
    const auto all_heard = [&] { return mesh.news == static_cast<int>(ClusterMesh::size); };
    EXPECT_TRUE(co_await eventually(all_heard)) << mesh.news;
    const auto listed = co_await mesh.nodes[1]->get_nodes();
    EXPECT_EQ(listed.size(), ClusterMesh::size);
    EXPECT_TRUE(co_await mesh.one_leads());
    RedisProbe registry = mesh.cluster.primary_of(mesh.registry_slot()).probe();
    EXPECT_TRUE(registry.exists(cluster_stem + "heartbeats"));
    EXPECT_TRUE(registry.exists(cluster_stem + "leader"));
    EXPECT_TRUE(registry.exists(cluster_stem + "owner:1"));
    EXPECT_FALSE(mesh.log.contains("heartbeat failed")) << mesh.log.text();
  });
}

TEST(MeshOnCluster, NothingIsLeftAfterAStop) {
  with_cluster_mesh([](ClusterMesh& mesh) -> asio::awaitable<void> {
    EXPECT_TRUE(co_await mesh.one_leads());
    co_await mesh.stop();
    RedisProbe registry = mesh.cluster.primary_of(mesh.registry_slot()).probe();
    for (const char* const key : {"heartbeats", "nodes", "leader", "owner:1", "reports"}) {
      EXPECT_FALSE(registry.exists(cluster_stem + key)) << key;
    }
  });
}

TEST(MeshOnCluster, NodesCanBeStartedAgain) {
  with_cluster_mesh([](ClusterMesh& mesh) -> asio::awaitable<void> {
    for (int i = 0; i < 2; ++i) {
      co_await mesh.expect_calls_succeed();
      co_await mesh.stop();
      co_await mesh.start();
    }
    co_await mesh.expect_calls_succeed();
  });
}

TEST(MeshOnCluster, ANodeThatDoesNotExistIsUnreachableAtOnce) {
  with_cluster_mesh([](ClusterMesh& mesh) -> asio::awaitable<void> {
    const std::string text = "hello";
    const auto error =
        co_await expect_error<MeshNodeUnreachableError>(mesh.nodes[0]->invoke<"echo">(4711, text));
    CO_ASSERT_TRUE(error);
    EXPECT_EQ(error->executed(), Executed::no);
  });
}

TEST(MeshOnCluster, ADeadNodeIsRemovedAndReported) {
  with_cluster_mesh([](ClusterMesh& mesh) -> asio::awaitable<void> {
    std::atomic<InstanceId> reported = 0;
    for (const auto& node : mesh.nodes) {
      node->set_node_cleaned_up_callback([&reported](InstanceId id) { reported = id; });
    }
    std::atomic<InstanceId> left = 0;
    mesh.nodes[0]->watch_nodes([&left](NodeChange change, const MeshNode& node) {
      if (change == NodeChange::left) left = node.instance_id;
    });
    RedisServer& registry = mesh.cluster.primary_of(mesh.registry_slot());
    registry.command({"ZADD", cluster_stem + "heartbeats", "1000", "77"});
    registry.command({"SET", cluster_stem + "owner:77", "some-uuid"});
    const auto is_reported = [&] { return reported == 77; };
    EXPECT_TRUE(co_await eventually(is_reported, 60s)) << mesh.log.text();
    EXPECT_FALSE(registry.probe().exists(cluster_stem + "owner:77"));
    Node& last = *mesh.nodes[2];
    const InstanceId id = last.instance_id();
    co_await last.stop();
    const auto has_left = [&] { return left == id; };
    EXPECT_TRUE(co_await eventually(has_left, 60s)) << mesh.log.text();
  });
}

TEST(MeshOnCluster, CallsGoOnWhileSlotsMoveThereAndBack) {
  with_cluster_mesh([](ClusterMesh& mesh) -> asio::awaitable<void> {
    for (int i = 0; i < 2; ++i) {
      for (const auto& node : mesh.nodes) {
        mesh.migrate(mesh.slot_of(*node));
        co_await mesh.expect_calls_succeed();
      }
      mesh.migrate(mesh.registry_slot());
      co_await mesh.expect_calls_succeed();
    }
    EXPECT_TRUE(co_await mesh.one_leads()) << mesh.log.text();
    EXPECT_EQ((co_await mesh.nodes[0]->get_nodes()).size(), ClusterMesh::size);
  });
}

// The primary that has the slot knows none of its keys any more, and the other does not have it
// yet.
TEST(MeshOnCluster, NodesAreFoundWhileTheRegistryIsHalfWayToAnotherPrimary) {
  with_cluster_mesh([](ClusterMesh& mesh) -> asio::awaitable<void> {
    const std::uint16_t slot = mesh.registry_slot();
    RedisServer& from = mesh.cluster.primary_of(slot);
    RedisServer& to = mesh.cluster.another_primary(slot);
    mesh.cluster.begin_migration(slot, from, to);
    mesh.cluster.move_keys(slot, from, to);
    co_await mesh.expect_calls_succeed();
    const std::string text = "hello";
    const auto error =
        co_await expect_error<MeshNodeUnreachableError>(mesh.nodes[0]->invoke<"echo">(4711, text));
    EXPECT_TRUE(error) << mesh.log.text();
    mesh.cluster.end_migration(slot, to);
    co_await mesh.expect_calls_succeed();
  });
}

// A primary that has become a replica counts no receivers, which means nothing.
TEST(MeshOnCluster, ANodeThatDoesNotExistIsUnreachableWhereItsPrimaryWasReplaced) {
  with_cluster_mesh([](ClusterMesh& mesh) -> asio::awaitable<void> {
    Node& caller = *mesh.nodes[0];
    // Of its other connections none tells it of the failover.
    const RedisServer& registry = mesh.cluster.primary_of(mesh.registry_slot());
    const RedisServer& own = mesh.cluster.primary_of(mesh.slot_of(caller));
    InstanceId nobody = 4711;
    const auto slot = [&] { return mesh.slot_of(channel_of(nobody)); };
    const auto is_elsewhere = [&] {
      const RedisServer& primary = mesh.cluster.primary_of(slot());
      return &primary != &registry && &primary != &own;
    };
    while (!is_elsewhere()) ++nobody;
    for (int i = 0; i < 2; ++i) {
      const std::string text = "hello";
      const auto error =
          co_await expect_error<MeshNodeUnreachableError>(caller.invoke<"echo">(nobody, text));
      CO_ASSERT_TRUE(error);
      EXPECT_EQ(error->executed(), i == 0 ? Executed::no : Executed::maybe);
      if (i == 0) mesh.cluster.fail_over(slot());
    }
  });
}

TEST(MeshOnCluster, CallsGoOnAfterAFailoverInGoodOrder) {
  with_cluster_mesh([](ClusterMesh& mesh) -> asio::awaitable<void> {
    co_await mesh.expect_calls_succeed();
    mesh.cluster.fail_over(mesh.slot_of(*mesh.nodes[0]));
    co_await mesh.expect_calls_succeed();
    co_await mesh.expect_calls_succeed();
    EXPECT_TRUE(co_await mesh.one_leads()) << mesh.log.text();
  });
}

TEST(MeshOnCluster, CallsGoOnAfterThePrimaryOfANodesChannelHasDied) {
  with_cluster_mesh(
      [](ClusterMesh& mesh) -> asio::awaitable<void> {
        co_await mesh.expect_calls_succeed();
        const std::uint16_t slot = mesh.slot_of(*mesh.nodes[0]);
        RedisServer& former = mesh.cluster.primary_of(slot);
        former.kill();
        co_await mesh.expect_calls_succeed();
        mesh.cluster.await_failover(slot, former);
        co_await mesh.expect_calls_succeed();
        EXPECT_TRUE(co_await mesh.one_leads()) << mesh.log.text();
      },
      with_short_silence());
}

TEST(MeshOnCluster, CallsGoOnAfterThePrimaryOfTheRegistryHasDied) {
  with_cluster_mesh(
      [](ClusterMesh& mesh) -> asio::awaitable<void> {
        co_await mesh.expect_calls_succeed();
        EXPECT_TRUE(co_await mesh.one_leads());
        const std::uint16_t slot = mesh.registry_slot();
        RedisServer& former = mesh.cluster.primary_of(slot);
        former.kill();
        mesh.cluster.await_failover(slot, former);
        co_await mesh.expect_calls_succeed();
        EXPECT_TRUE(co_await mesh.one_leads()) << mesh.log.text();
        EXPECT_EQ((co_await mesh.nodes[0]->get_nodes()).size(), ClusterMesh::size);
      },
      with_short_silence());
}

TEST(MeshOnCluster, AStartWaitsForTheReplacementOfAPrimaryThatIsNotThere) {
  with_cluster_mesh(
      [](ClusterMesh& mesh) -> asio::awaitable<void> {
        mesh.cluster.primary_of(mesh.registry_slot()).kill();
        MeshOptions options = mesh.options();
        options.redis.connect_timeout = 60s;
        Node late(co_await asio::this_coro::executor, mesh_key, options);
        co_await late.start();
        EXPECT_EQ(late.instance_id(), static_cast<InstanceId>(ClusterMesh::size + 1));
        co_await late.stop();
      },
      with_short_silence());
}

// Nothing but the message can say whom it is for.
TEST(MeshOnCluster, ARepeatedRequestIsForTheOwnerThatItNames) {
  with_cluster_mesh([](ClusterMesh& mesh) -> asio::awaitable<void> {
    Node& node = *mesh.nodes[0];
    const std::string id = std::to_string(node.instance_id());
    const auto owner =
        mesh.cluster.primary_of(mesh.registry_slot()).probe().get(cluster_stem + "owner:" + id);
    RedisServer& primary = mesh.cluster.primary_of(mesh.slot_of(node));
    const auto send = [&](const std::string& request_id, const std::string& whom) {
      const std::string request = R"({"requestId":")" + request_id +
                                  R"(","senderInstanceId":4711,"type":"echo","timeoutMs":60000,)" +
                                  R"("repeat":true,"owner":")" + whom + R"(","data":"hello"})";
      EXPECT_EQ(primary.command({"SPUBLISH", channel_of(node.instance_id()), request}), 1);
    };
    send("for-another", "another");
    const auto is_dropped = [&] { return mesh.log.contains("had this id before"); };
    EXPECT_TRUE(co_await eventually(is_dropped));
    EXPECT_EQ(mesh.runs, 0);
    send("for-it", owner.value_or(""));
    const auto has_run = [&] { return mesh.runs == 1; };
    EXPECT_TRUE(co_await eventually(has_run)) << mesh.log.text();
  });
}

TEST(MeshOnCluster, BracesInItsNamesAreRefused) {
  asio::io_context context;
  MeshOptions options;
  options.redis.cluster = "127.0.0.1:7000";
  EXPECT_THROW(Node(context.get_executor(), "with{brace", options), std::invalid_argument);
}

TEST(MeshOnCluster, OnASingleRedisTheStartSaysThatItIsNoCluster) {
  const RedisServer server;
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    MeshOptions options = patient_options(server.options(), log);
    options.redis.cluster = "127.0.0.1:" + std::to_string(server.port());
    Node node(co_await asio::this_coro::executor, mesh_key, options);
    const auto error = co_await expect_error<MeshConnectionError>(node.start());
    CO_ASSERT_TRUE(error);
    EXPECT_NE(std::string(error->what()).find("RedisOptions::cluster"), std::string::npos)
        << error->what();
  });
}

TEST(MeshOnCluster, WithoutTheOptionTheStartSaysThatThisIsOne) {
  RedisCluster cluster;
  run_coroutine([&]() -> asio::awaitable<void> {
    LogCapture log;
    for (std::size_t place = 0; place < 6; ++place) {
      MeshOptions options = patient_options(cluster.server(place).options(), log);
      Node node(co_await asio::this_coro::executor, mesh_key, options);
      std::string error;
      try {
        co_await node.start();
      } catch (const MeshError& failure) {
        error = failure.what();
      }
      EXPECT_NE(error.find("RedisOptions::cluster"), std::string::npos) << place << ": " << error;
    }
  });
}

}  // namespace
}  // namespace mesh::test::faults
