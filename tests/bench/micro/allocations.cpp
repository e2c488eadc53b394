#include <micro/allocations.hpp>

#include <cstddef>
#include <cstdlib>
#include <new>

namespace mesh::bench {

namespace {

Allocations& counter() noexcept {
  static thread_local constinit Allocations allocations;
  return allocations;
}

void* count(void* memory, std::size_t size) {
  if (memory == nullptr) throw std::bad_alloc();
  ++counter().count;
  counter().bytes += size;
  return memory;
}

// The size must be a multiple of the alignment.
std::size_t round_up(std::size_t size, std::size_t alignment) {
  return (size + alignment - 1) / alignment * alignment;
}

}  // namespace

Allocations allocations_so_far() noexcept { return counter(); }

}  // namespace mesh::bench

// The other forms, for arrays and without exceptions, call these.
void* operator new(std::size_t size) { return mesh::bench::count(std::malloc(size), size); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto bytes = static_cast<std::size_t>(alignment);
  return mesh::bench::count(std::aligned_alloc(bytes, mesh::bench::round_up(size, bytes)), size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/, std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}
