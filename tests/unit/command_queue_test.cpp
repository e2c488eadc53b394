#include <redis/command_queue.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <string>
#include <unit/virtual_time.hpp>
#include <vector>

namespace mesh::redis {
namespace {

using namespace std::chrono_literals;

// "*1..$4..name.."
constexpr std::size_t around_a_name = 10;

QueuedCommand make(const std::string& name, TimePoint deadline = start + 1s) {
  return QueuedCommand{Command{name}, deadline, [](Outcome) {}};
}

std::vector<std::string> names(const std::vector<QueuedCommand>& commands) {
  std::vector<std::string> result;
  for (const QueuedCommand& command : commands) result.emplace_back(command.command.name());
  return result;
}

TEST(CommandQueue, IsEmptyAtFirst) {
  CommandQueue queue(100);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.bytes(), 0U);
  EXPECT_FALSE(queue.pop());
  EXPECT_TRUE(queue.take_expired(start).empty());
}

TEST(CommandQueue, KeepsTheOrder) {
  CommandQueue queue(100);
  for (const char* name : {"a", "b", "c"}) EXPECT_FALSE(queue.push(make(name)));
  for (const char* name : {"a", "b", "c"}) {
    const auto command = queue.pop();
    ASSERT_TRUE(command);
    EXPECT_EQ(command->command.name(), name);
  }
  EXPECT_TRUE(queue.empty());
}

TEST(CommandQueue, CountsTheBytesForRedis) {
  CommandQueue queue(100);
  queue.push(QueuedCommand{Command{"SET", "key", "value"}, start, [](const Outcome&) {}});
  EXPECT_EQ(queue.bytes(), std::string("*3..$3..SET..$3..key..$5..value..").size());
  queue.pop();
  EXPECT_EQ(queue.bytes(), 0U);
}

TEST(CommandQueue, AddsItsBytesToAGaugeThatItShares) {
  const auto gauge = std::make_shared<StrandGauge>();
  gauge->set(7);
  {
    CommandQueue one(100);
    CommandQueue other(100);
    for (CommandQueue* const queue : {&one, &other}) queue->count_bytes(gauge);
    one.push(make("a"));
    one.push(make("b", start));
    other.push(QueuedCommand{Command{"c"}, start + 1s, [](const Outcome&) {}, Priority::control});
    EXPECT_EQ(*gauge, 7 + one.bytes() + other.bytes());
    one.take_expired(start);
    EXPECT_EQ(*gauge, 7 + one.bytes() + other.bytes());
    one.pop();
    EXPECT_EQ(*gauge, 7 + other.bytes());
    EXPECT_GT(*gauge, 7U);
  }
  EXPECT_EQ(*gauge, 7U);
}

TEST(CommandQueue, GivesBackWhatDoesNotFit) {
  CommandQueue queue(10 + 2 * around_a_name);
  EXPECT_FALSE(queue.push(make("123456")));
  const auto refused = queue.push(make("12345"));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->command.name(), "12345");
  EXPECT_EQ(queue.bytes(), 6U + around_a_name);
  EXPECT_FALSE(queue.push(make("1234")));
  EXPECT_EQ(queue.bytes(), 10U + 2 * around_a_name);
  EXPECT_TRUE(queue.push(make("1")));
}

TEST(CommandQueue, TakesOutWhatHasExpired) {
  CommandQueue queue(100);
  queue.push(make("now", start));
  queue.push(make("later", start + 2s));
  queue.push(make("soon", start + 1s));
  queue.push(make("past", start - 1s));
  EXPECT_EQ(names(queue.take_expired(start)), (std::vector<std::string>{"now", "past"}));
  EXPECT_EQ(queue.bytes(), 9U + 2 * around_a_name);
  EXPECT_EQ(names(queue.take_expired(start + 1s)), std::vector<std::string>{"soon"});
  EXPECT_EQ(names(queue.take_expired(start + 1h)), std::vector<std::string>{"later"});
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.bytes(), 0U);
}

TEST(CommandQueue, ExpiryMakesRoom) {
  CommandQueue queue(4 + around_a_name);
  EXPECT_FALSE(queue.push(make("full", start)));
  EXPECT_TRUE(queue.push(make("more")));
  EXPECT_EQ(queue.take_expired(start).size(), 1U);
  EXPECT_FALSE(queue.push(make("more")));
}

QueuedCommand make_control(const std::string& name) {
  QueuedCommand command = make(name);
  command.priority = Priority::control;
  return command;
}

TEST(CommandQueue, ControlGoesBeforePayload) {
  CommandQueue queue(100);
  for (const char* name : {"a", "b"}) EXPECT_FALSE(queue.push(make(name)));
  for (const char* name : {"x", "y"}) EXPECT_FALSE(queue.push(make_control(name)));
  for (const char* name : {"x", "y", "a", "b"}) {
    EXPECT_EQ(queue.has_control(), std::string(name) >= "x");
    const auto command = queue.pop();
    ASSERT_TRUE(command);
    EXPECT_EQ(command->command.name(), name);
  }
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.bytes(), 0U);
}

TEST(CommandQueue, PayloadLeavesRoomForControlAndTheOtherWayRound) {
  CommandQueue queue(around_a_name + 1);
  EXPECT_FALSE(queue.push(make_control("x")));
  EXPECT_FALSE(queue.push(make("a")));
  EXPECT_TRUE(queue.push(make("b")));
  EXPECT_FALSE(queue.push(make_control("y")));
}

TEST(CommandQueue, ControlIsBoundedAsWell) {
  CommandQueue queue(100);
  int taken = 0;
  while (taken < 1000 && !queue.push(make_control(std::string(100'000, 'x')))) ++taken;
  EXPECT_EQ(taken, 10);
}

TEST(CommandQueue, ControlExpiresAsWell) {
  CommandQueue queue(100);
  EXPECT_FALSE(queue.push(make_control("x")));
  EXPECT_EQ(names(queue.take_expired(start + 2s)), std::vector<std::string>{"x"});
  EXPECT_EQ(queue.bytes(), 0U);
}

}  // namespace
}  // namespace mesh::redis
