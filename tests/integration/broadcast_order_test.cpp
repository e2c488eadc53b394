#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/detached.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <integration/fault_nodes.hpp>
#include <integration/support/shared_redis.hpp>
#include <support/wait.hpp>

namespace mesh::test::faults {
namespace {

TEST(BroadcastOrder, IsKeptOnAPoolForEachSenderAndType) {
  const SharedRedis server;
  LogCapture log;
  asio::thread_pool pool(4);
  {
    Node sender(pool.get_executor(), mesh_key, patient_options(server.options(), log));
    Node receiver(pool.get_executor(), mesh_key, patient_options(server.options(), log));
    std::mutex mutex;
    std::vector<int> order;
    receiver.register_broadcast_handler<"news">([&](const std::string& number) {
      // Some take longer, so that those behind them could overtake.
      const int value = std::stoi(number);
      if (value % 7 == 0) std::this_thread::sleep_for(2ms);
      const std::lock_guard lock(mutex);
      order.push_back(value);
    });
    sender.start(asio::use_future).get();
    receiver.start(asio::use_future).get();
    constexpr int count = 200;
    std::vector<int> expected;
    for (int i = 0; i < count; ++i) {
      const std::string number = std::to_string(i);
      sender.broadcast<"news">(number, {.skip_self = true}, asio::detached);
      expected.push_back(i);
    }
    EXPECT_TRUE(wait_until([&] {
      const std::lock_guard lock(mutex);
      return order.size() == expected.size();
    }));
    EXPECT_EQ(order, expected);
    sender.stop(asio::use_future).get();
    receiver.stop(asio::use_future).get();
  }
  pool.join();
}

}  // namespace
}  // namespace mesh::test::faults
