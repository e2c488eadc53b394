#include <core/handler_table.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace mesh::core {
namespace {

TEST(HandlerTable, FindsWhatWasSet) {
  HandlerTable<int> table;
  EXPECT_EQ(table.find("a"), nullptr);
  table.set("a", std::make_shared<int>(1));
  table.set("b", std::make_shared<int>(2));
  EXPECT_EQ(*table.find("a"), 1);
  EXPECT_EQ(*table.find("b"), 2);
  EXPECT_EQ(table.find("c"), nullptr);
}

TEST(HandlerTable, ReplacesWithoutTouchingWhatIsInUse) {
  HandlerTable<int> table;
  table.set("a", std::make_shared<int>(1));
  const auto in_use = table.find("a");
  table.set("a", std::make_shared<int>(2));
  EXPECT_EQ(*in_use, 1);
  EXPECT_EQ(*table.find("a"), 2);
}

TEST(HandlerTable, CanBeUsedFromSeveralThreads) {
  HandlerTable<int> table;
  table.set("a", std::make_shared<int>(0));
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (int i = 1; i <= 2000; ++i) table.set(i % 2 == 0 ? "a" : "b", std::make_shared<int>(i));
    stop = true;
  });
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!stop) EXPECT_NE(table.find("a"), nullptr);
    });
  }
  writer.join();
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(*table.find("a"), 2000);
}

}  // namespace
}  // namespace mesh::core
