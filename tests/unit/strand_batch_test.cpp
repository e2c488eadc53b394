#include <async/strand_batch.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

namespace mesh {
namespace {

struct Collector {
  explicit Collector(const Strand& strand_) : strand(strand_) {}
  ~Collector() {
    if (destroyed_on_strand != nullptr) *destroyed_on_strand = strand.running_in_this_thread();
  }
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  static void take(Collector& collector, int&& item) { collector.items.push_back(item); }

  Strand strand;
  std::vector<int> items;
  bool* destroyed_on_strand = nullptr;
};

using Batch = StrandBatch<Collector, int>;

TEST(StrandBatch, TakesItemsInTheirOrderAndInOneTurn) {
  asio::io_context context;
  const Strand strand(context.get_executor());
  const auto collector = std::make_shared<Collector>(strand);
  const auto batch = std::make_shared<Batch>(strand, &Collector::take);
  for (int i = 0; i < 3; ++i) batch->push(collector, int{i});
  EXPECT_TRUE(collector->items.empty());
  EXPECT_EQ(context.poll(), 1U);
  EXPECT_EQ(collector->items, (std::vector<int>{0, 1, 2}));
}

TEST(StrandBatch, TakesWhatComesMeanwhileInAnotherTurn) {
  asio::io_context context;
  const Strand strand(context.get_executor());
  struct Repeater {
    std::shared_ptr<StrandBatch<Repeater, std::shared_ptr<Repeater>>> batch;
    int taken = 0;
  };
  const auto repeater = std::make_shared<Repeater>();
  repeater->batch = std::make_shared<StrandBatch<Repeater, std::shared_ptr<Repeater>>>(
      strand, [](Repeater& owner, std::shared_ptr<Repeater>&& self) {
        if (++owner.taken < 3) owner.batch->push(self, std::shared_ptr<Repeater>(self));
      });
  repeater->batch->push(repeater, std::shared_ptr<Repeater>(repeater));
  context.run();
  EXPECT_EQ(repeater->taken, 3);
}

TEST(StrandBatch, AnItemThatThrowsDoesNotTakeTheOthersWithIt) {
  asio::io_context context;
  const Strand strand(context.get_executor());
  const auto collector = std::make_shared<Collector>(strand);
  const auto batch = std::make_shared<Batch>(strand, [](Collector& owner, int&& item) {
    owner.items.push_back(item);
    if (item == 2) throw std::runtime_error("two");
  });
  for (int i = 1; i <= 3; ++i) batch->push(collector, int{i});
  EXPECT_THROW(context.run(), std::runtime_error);
  context.run();
  EXPECT_EQ(collector->items, (std::vector<int>{1, 2, 3}));
}

TEST(StrandBatch, LosesNothingThatComesFromManyThreads) {
  asio::thread_pool pool(2);
  const Strand strand(pool.get_executor());
  const auto collector = std::make_shared<Collector>(strand);
  const auto batch = std::make_shared<Batch>(strand, &Collector::take);
  constexpr int each = 10'000;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (int item = 0; item < each; ++item) batch->push(collector, int{item});
    });
  }
  for (std::thread& thread : threads) thread.join();
  pool.join();
  EXPECT_EQ(collector->items.size(), std::size_t{3 * each});
}

TEST(StrandBatch, LetsGoOfTheOwnerOnTheStrand) {
  bool on_strand = false;
  asio::thread_pool pool(2);
  const Strand strand(pool.get_executor());
  auto collector = std::make_shared<Collector>(strand);
  collector->destroyed_on_strand = &on_strand;
  const auto batch = std::make_shared<Batch>(strand, &Collector::take);
  auto other = collector;
  batch->push(std::move(collector), 1);
  batch->push(std::move(other), 2);
  pool.join();
  EXPECT_TRUE(on_strand);
}

TEST(StrandBatch, GoesWithAContextThatDoesNotRunAnyMore) {
  std::weak_ptr<Collector> weak;
  {
    asio::io_context context;
    const Strand strand(context.get_executor());
    auto collector = std::make_shared<Collector>(strand);
    weak = collector;
    std::make_shared<Batch>(strand, &Collector::take)->push(std::move(collector), 1);
    EXPECT_FALSE(weak.expired());
  }
  EXPECT_TRUE(weak.expired());
}

}  // namespace
}  // namespace mesh
