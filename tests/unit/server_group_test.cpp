#include <routing/server_group.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <unit/virtual_time.hpp>

namespace mesh::routing {
namespace {

using namespace std::chrono_literals;

class ServerGroups : public ::testing::Test {
 protected:
  void set_servers(const std::vector<InstanceId>& ids) {
    std::vector<ServerPointer> servers;
    for (const InstanceId id : ids) {
      ServerPointer& server = all_[id];
      if (!server) {
        server = std::make_shared<Server>();
        server->id = id;
        server->hash = detail::mix_bits(static_cast<std::uint64_t>(id));
      }
      servers.push_back(server);
    }
    group_.set_servers(std::move(servers));
  }

  InstanceId choose(const Route& route, const std::vector<InstanceId>& tried = {}) {
    const ServerPointer* const chosen = group_.choose(route, tried, now_, random_);
    return chosen == nullptr ? 0 : (*chosen)->id;
  }
  std::map<InstanceId, int> choose_often(const Route& route, int count,
                                         const std::vector<InstanceId>& tried = {}) {
    std::map<InstanceId, int> chosen;
    for (int i = 0; i < count; ++i) ++chosen[choose(route, tried)];
    return chosen;
  }

  ServerGroup group_;
  std::map<InstanceId, ServerPointer> all_;
  TimePoint now_ = start;
  LazyRandom random_;
};

std::string numbered_key(int number) { return "user:" + std::to_string(number); }

TEST_F(ServerGroups, NobodyIsChosenOfNone) {
  for (const Route& route :
       {Route::round_robin(), Route::least_pending(), Route::random(), Route::by_key("x")}) {
    set_servers({});
    EXPECT_EQ(choose(route), 0);
    set_servers({7});
    EXPECT_EQ(choose(route), 7);
    EXPECT_EQ(choose(route, {7}), 0);
  }
}

TEST_F(ServerGroups, RoundRobinGoesOnWhereItWas) {
  set_servers({1, 2, 3});
  const InstanceId first = choose(Route::round_robin());
  const InstanceId second = first % 3 + 1;
  EXPECT_EQ(choose(Route::round_robin()), second);
  EXPECT_EQ(choose(Route::round_robin()), second % 3 + 1);
  EXPECT_EQ(choose(Route::round_robin()), first);
}

TEST_F(ServerGroups, CallersDoNotAllBeginWithTheSameNode) {
  std::map<InstanceId, int> first;
  for (int i = 0; i < 200; ++i) {
    group_ = ServerGroup();
    set_servers({1, 2, 3});
    ++first[choose(Route::round_robin())];
  }
  EXPECT_EQ(first.size(), 3U);
}

TEST_F(ServerGroups, WhoWasTriedIsNotChosenAgain) {
  set_servers({1, 2, 3});
  for (const Route& route :
       {Route::round_robin(), Route::least_pending(), Route::random(), Route::by_key("x")}) {
    const auto chosen = choose_often(route, 50, {1, 3});
    EXPECT_EQ(chosen.at(2), 50);
  }
}

TEST_F(ServerGroups, WhoIsSuspectedIsPassedOverForAsLongAsThat) {
  set_servers({1, 2, 3});
  all_[2]->suspected_until = now_ + 1s;
  for (const Route& route : {Route::round_robin(), Route::least_pending(), Route::random()}) {
    EXPECT_EQ(choose_often(route, 100).count(2), 0U);
    EXPECT_EQ(choose_often(route, 100, {1, 3}).at(2), 100) << "there is nobody else";
  }
  now_ += 1s;
  EXPECT_EQ(choose_often(Route::round_robin(), 30).at(2), 10);
}

TEST_F(ServerGroups, TheHolderOfAKeyStaysSoIfSuspected) {
  set_servers({1, 2, 3});
  const InstanceId holder = choose(Route::by_key("x"));
  all_[holder]->suspected_until = now_ + 1s;
  EXPECT_EQ(choose(Route::by_key("x")), holder);
}

TEST_F(ServerGroups, RandomIsFair) {
  set_servers({1, 2, 3, 4});
  const auto chosen = choose_often(Route::random(), 4000);
  for (const auto& [id, count] : chosen) EXPECT_NEAR(count, 1000, 200) << id;
}

TEST_F(ServerGroups, LeastPendingOfAFewIsTheLeastOfAll) {
  set_servers({1, 2, 3});
  all_[1]->pending = 5;
  all_[2]->pending = 1;
  all_[3]->pending = 2;
  EXPECT_EQ(choose_often(Route::least_pending(), 100).at(2), 100);
  all_[3]->pending = 1;
  const auto equal = choose_often(Route::least_pending(), 100);
  EXPECT_EQ(equal.count(1), 0U);
  EXPECT_GT(equal.at(2), 10);
  EXPECT_GT(equal.at(3), 10);
}

TEST_F(ServerGroups, LeastPendingOfManyNeverIsTheOneWithMost) {
  std::vector<InstanceId> ids;
  for (InstanceId id = 1; id <= 100; ++id) ids.push_back(id);
  set_servers(ids);
  all_[50]->pending = 1;
  const auto chosen = choose_often(Route::least_pending(), 5000);
  EXPECT_EQ(chosen.count(50), 0U);
  EXPECT_EQ(chosen.size(), 99U);
}

TEST_F(ServerGroups, KeysAreSpreadEvenly) {
  set_servers({1, 2, 3, 4, 5});
  std::map<InstanceId, int> keys;
  for (int i = 0; i < 10000; ++i) ++keys[choose(Route::by_key(numbered_key(i)))];
  for (const auto& [id, count] : keys) EXPECT_NEAR(count, 2000, 200) << id;
}

TEST_F(ServerGroups, OnlyTheKeysOfWhoLeavesMove) {
  constexpr int keys = 10000;
  set_servers({11, 12, 13, 14, 15});
  std::vector<InstanceId> before;
  for (int i = 0; i < keys; ++i) before.push_back(choose(Route::by_key(numbered_key(i))));
  set_servers({11, 12, 14, 15});
  int moved = 0;
  for (int i = 0; i < keys; ++i) {
    const InstanceId after = choose(Route::by_key(numbered_key(i)));
    const InstanceId was = before[static_cast<std::size_t>(i)];
    if (after == was) continue;
    EXPECT_EQ(was, 13);
    ++moved;
  }
  EXPECT_NEAR(moved, keys / 5, 200);
  set_servers({11, 12, 13, 14, 15});
  for (int i = 0; i < keys; ++i) {
    EXPECT_EQ(choose(Route::by_key(numbered_key(i))), before[static_cast<std::size_t>(i)]);
  }
}

TEST_F(ServerGroups, AKeyThatWasAskedForBeforeGetsTheSameAnswer) {
  set_servers({1, 2, 3, 4, 5});
  std::vector<InstanceId> holders;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 5000; ++i) {
      const InstanceId holder = choose(Route::by_key(numbered_key(i)));
      if (round == 0) holders.push_back(holder);
      EXPECT_EQ(holder, holders[static_cast<std::size_t>(i)]);
    }
  }
}

// Others must choose the same, so this may never change.
TEST_F(ServerGroups, HashesAreTheSameInEveryProgram) {
  static_assert(Route::by_key("").key() == 0xf52a15e9a9b5e89bU);
  EXPECT_EQ(Route::by_key("user:7").key(), detail::hash_text("user:7"));
  set_servers({1, 2, 3, 4, 5});
  std::string holders;
  for (int i = 0; i < 10; ++i) holders += std::to_string(choose(Route::by_key(numbered_key(i))));
  EXPECT_EQ(holders, "5553325325");
}

}  // namespace
}  // namespace mesh::routing
