#include <async/inplace_memory.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace mesh {
namespace {

namespace asio = boost::asio;

bool is_inside(const InplaceMemory& memory, const void* place) {
  const auto* const begin = reinterpret_cast<const std::byte*>(&memory);
  const auto* const byte = static_cast<const std::byte*>(place);
  return byte >= begin && byte < begin + sizeof(memory);
}

TEST(InplaceMemory, HoldsOneObjectAtATime) {
  InplaceMemory memory;
  InplaceAllocator<std::array<char, 100>> allocator(memory);
  auto* const first = allocator.allocate(1);
  auto* const second = allocator.allocate(1);
  EXPECT_TRUE(is_inside(memory, first));
  EXPECT_FALSE(is_inside(memory, second));
  allocator.deallocate(first, 1);
  auto* const third = allocator.allocate(1);
  EXPECT_TRUE(is_inside(memory, third));
  allocator.deallocate(second, 1);
  allocator.deallocate(third, 1);
  auto* const large = allocator.allocate(2);
  EXPECT_FALSE(is_inside(memory, large));
  allocator.deallocate(large, 2);
}

/// What owns the memory that it is posted in.
struct Posted {
  std::shared_ptr<InplaceMemory> memory = std::make_shared<InplaceMemory>();
  void post_to(asio::io_context& context, int& calls) const {
    const InplaceAllocator<void> allocator(*memory);
    asio::post(context, asio::bind_allocator(allocator, [owner = memory, &calls] { ++calls; }));
  }
};

TEST(InplaceMemory, MayBelongToWhatIsPostedInIt) {
  int calls = 0;
  {
    std::optional<asio::io_context> context(std::in_place);
    Posted().post_to(*context, calls);
    context->run();
    EXPECT_EQ(calls, 1);
    // Sanitizers see what is used after it was freed.
    Posted().post_to(*context, calls);
    context.reset();
  }
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace mesh
