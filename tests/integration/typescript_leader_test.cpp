// How soon C++ nodes follow a TypeScript leader, which knows of the lock alone and leaves no note.

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include <boost/asio/this_coro.hpp>
#include <integration/fault_nodes.hpp>
#include <mesh/mesh.hpp>
#include <support/coroutine.hpp>
#include <support/log_capture.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::test::faults {
namespace {

/// One who leads, by plain commands.
class TypeScriptLeader {
 public:
  TypeScriptLeader(const RedisServer& server, std::string lock_key)
      : server_(server), lock_(std::move(lock_key)) {
    take_lock();
  }

  void take_lock() { server_.command({"SET", lock_, "uuid", "NX", "PX", "600000"}); }
  void stop() { server_.command({"DEL", lock_}); }
  void die() { server_.command({"PEXPIRE", lock_, "500"}); }

 private:
  const RedisServer& server_;
  std::string lock_;
};

/// Of the last term.
struct Note {
  std::string run_id;
  std::chrono::milliseconds ends_at{0};
};

std::optional<Note> read_note(const RedisServer& server, const std::string& lock_key) {
  const auto text = server.probe().get(lock_key + ":last_term");
  if (!text) return std::nullopt;
  std::istringstream stream(*text);
  Note note;
  std::chrono::milliseconds::rep ends_at = 0;
  stream >> note.run_id >> ends_at;
  note.ends_at = std::chrono::milliseconds(ends_at);
  return note;
}

/// Whether a follower has made up for the note, on this server, and the time in it is over.
asio::awaitable<bool> is_accounted_for(const RedisServer& server, const std::string& lock_key) {
  const auto is_over = [&] {
    const auto note = read_note(server, lock_key);
    if (!note) return false;
    const std::string info = server.probe().text({"INFO", "server"});
    return info.find("run_id:" + note->run_id) != std::string::npos &&
           server.probe().time() >= note->ends_at;
  };
  co_return co_await eventually(is_over);
}

asio::awaitable<void> expect_succession(LeaderService& follower, const LogCapture& log) {
  const auto leads = [&] { return follower.is_leader(); };
  EXPECT_TRUE(co_await eventually(leads)) << log.text();
  EXPECT_EQ(log.count("nobody may lead"), 0U) << log.text();
}

LeaderOptions options_of_follower() {
  LeaderOptions options;
  options.ttl = 1s;
  options.renewal_interval = 200ms;
  options.retry_delay = 100ms;
  return options;
}

using Leave = void (TypeScriptLeader::*)();

void expect_follower_without_a_wait(Leave leave) {
  run_coroutine([leave]() -> asio::awaitable<void> {
    const std::string lock_key = "test:leader:feature";
    const RedisServer server;
    TypeScriptLeader original(server, lock_key);
    LogCapture log;
    LeaderService follower(co_await asio::this_coro::executor, "feature", options_of_follower(),
                           server.options(), log.sink());
    follower.start();
    CO_ASSERT_TRUE(co_await is_accounted_for(server, lock_key));
    EXPECT_FALSE(follower.is_leader());
    (original.*leave)();
    co_await expect_succession(follower, log);
    co_await follower.stop();
  });
}

TEST(TypeScriptLeader, IsFollowedWithoutAWaitWhenItStops) {
  expect_follower_without_a_wait(&TypeScriptLeader::stop);
}

TEST(TypeScriptLeader, IsFollowedWithoutAWaitWhenItsLockRunsOut) {
  expect_follower_without_a_wait(&TypeScriptLeader::die);
}

TEST(TypeScriptLeader, TheNoteIsMadeUpForOnceAndTellsOfOneTimeToLive) {
  run_coroutine([]() -> asio::awaitable<void> {
    const std::string lock_key = "test:leader:feature";
    const RedisServer server;
    const TypeScriptLeader original(server, lock_key);
    LogCapture log;
    LeaderOptions options = options_of_follower();
    options.wait_after_data_loss = false;  // others may wait all the same
    LeaderService follower(co_await asio::this_coro::executor, "feature", options, server.options(),
                           log.sink());
    const auto before = server.probe().time();
    follower.start();
    const auto is_there = [&] { return read_note(server, lock_key).has_value(); };
    CO_ASSERT_TRUE(co_await eventually(is_there));
    const auto ends_at = read_note(server, lock_key)->ends_at;
    EXPECT_GE(ends_at, before + options.ttl);
    EXPECT_LE(ends_at, server.probe().time() + options.ttl);
    const auto is_kept = [&] { return read_note(server, lock_key)->ends_at == ends_at; };
    EXPECT_TRUE(co_await holds_for(is_kept, 500ms));  // several attempts
    co_await follower.stop();
  });
}

using Upset = std::function<void(RedisServer& server, TypeScriptLeader& original)>;

/// A node that leaves it to its heartbeats to look at the lock.
void expect_follower_after(const Upset& upset) {
  run_coroutine([&]() -> asio::awaitable<void> {
    RedisServer server;
    TypeScriptLeader original(server, mesh_lock);
    LogCapture log;
    MeshOptions options = patient_options(server.options(), log);
    options.leader = options_of_follower();
    options.leader.retry_delay = 2s;  // its heartbeats see the lock far more often
    Node follower(co_await asio::this_coro::executor, mesh_key, options);
    co_await follower.start();
    CO_ASSERT_TRUE(co_await is_accounted_for(server, mesh_lock));
    upset(server, original);
    CO_ASSERT_TRUE(co_await is_accounted_for(server, mesh_lock));
    EXPECT_FALSE(follower.leader().is_leader());
    original.stop();
    co_await expect_succession(follower.leader(), log);
    co_await follower.stop();
  });
}

TEST(TypeScriptLeader, IsFollowedWithoutAWaitByANodeThatOnlyLooks) {
  expect_follower_after([](RedisServer&, TypeScriptLeader&) {});
}

TEST(TypeScriptLeader, IsFollowedWithoutAWaitOnceAnotherServerHasBeenKnownForLong) {
  expect_follower_after([](RedisServer& server, TypeScriptLeader&) {
    server.shut_down_with_data();
    server.start();
  });
}

TEST(TypeScriptLeader, IsFollowedWithoutAWaitOnceTheNoteHasBeenMadeUpForAgain) {
  expect_follower_after([](RedisServer& server, TypeScriptLeader&) {
    server.command({"DEL", mesh_lock + ":last_term"});
  });
}

}  // namespace
}  // namespace mesh::test::faults
