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
#include <integration/cluster_mesh.hpp>
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

// Nobody answers there, and nobody tells that the slot stays.
TEST(MeshOnCluster, WhereASlotWasToMoveMayStandStill) {
  with_cluster_mesh([](ClusterMesh& mesh) -> asio::awaitable<void> {
    const std::uint16_t slot = mesh.registry_slot();
    RedisServer& from = mesh.cluster.primary_of(slot);
    RedisServer& to = mesh.cluster.another_primary(slot);
    const auto is_of_other = [&](std::uint16_t one) {
      return &mesh.cluster.primary_of(one) == &to;
    };
    std::size_t place = 0;
    while (is_of_other(mesh.slot_of(*mesh.nodes.at(place)))) ++place;
    Node& caller = *mesh.nodes[place];
    InstanceId nobody = 4711;
    while (is_of_other(mesh.slot_of(channel_of(nobody)))) ++nobody;

    mesh.cluster.begin_migration(slot, from, to);
    mesh.cluster.pause(to);
    Outcome<std::string> outcome;
    const std::string text = "hello";
    caller.invoke<"echo">(nobody, text, InvokeOptions{}, outcome.token());
    co_await sleep_for(100ms);  // it asks the other one, or is yet to ask that has the slot
    from.command({"CLUSTER", "SETSLOT", std::to_string(slot), "STABLE"});
    const auto has_ended = [&] { return outcome.done(); };
    EXPECT_TRUE(co_await eventually(has_ended, 30s)) << mesh.log.text();
    mesh.cluster.resume(to);
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
