#include <util/inplace_function.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <utility>

namespace mesh {
namespace {

using Function = InplaceFunction<int(int), 32>;

TEST(InplaceFunction, CallsWhatItHolds) {
  int sum = 0;
  Function add([&sum](int number) { return sum += number; });
  EXPECT_EQ(add(3), 3);
  EXPECT_EQ(add(4), 7);
}

TEST(InplaceFunction, HoldsWhatCanOnlyBeMoved) {
  Function function([held = std::make_unique<int>(5)](int number) { return *held + number; });
  Function moved(std::move(function));
  EXPECT_EQ(moved(1), 6);
}

TEST(InplaceFunction, DestroysWhatItHoldsOnce) {
  const auto alive = std::make_shared<int>(0);
  const auto hold = [&alive] { return Function([alive](int number) { return number; }); };
  {
    Function first = hold();
    EXPECT_EQ(alive.use_count(), 2);
    Function second(std::move(first));
    EXPECT_EQ(alive.use_count(), 2);
    Function third = hold();
    EXPECT_EQ(alive.use_count(), 3);
    third = std::move(second);
    EXPECT_EQ(alive.use_count(), 2);
    EXPECT_EQ(third(9), 9);
    Function& same = third;
    third = std::move(same);
    EXPECT_EQ(third(9), 9);
  }
  EXPECT_EQ(alive.use_count(), 1);
}

}  // namespace
}  // namespace mesh
