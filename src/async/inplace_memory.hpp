#pragma once

#include <array>
#include <cstddef>
#include <new>

namespace mesh {

/// Memory for one object of any type, such as what Asio keeps of a posted function, in an object
/// that is there anyway. Who takes it must give it back before that object goes: Asio does, as it
/// moves the function out before.
class InplaceMemory {
 public:
  InplaceMemory() = default;
  InplaceMemory(const InplaceMemory&) = delete;
  InplaceMemory& operator=(const InplaceMemory&) = delete;

  static constexpr std::size_t capacity = 128;

  void* place() { return bytes_.data(); }

 private:
  alignas(std::max_align_t) std::array<std::byte, capacity> bytes_;
};

/// For one object at a time; what is larger than the memory is allocated.
template <typename T>
class InplaceAllocator {
 public:
  using value_type = T;

  explicit InplaceAllocator(InplaceMemory& memory) : memory_(&memory) {}
  template <typename Other>
  InplaceAllocator(const InplaceAllocator<Other>& other)  // NOLINT(google-explicit-constructor)
      : memory_(other.memory_) {}

  T* allocate(std::size_t count) {
    return fits(count) ? static_cast<T*>(memory_->place())
                       : static_cast<T*>(::operator new(count * sizeof(T)));
  }
  void deallocate(T* object, std::size_t count) {
    if (!fits(count)) ::operator delete(object);
  }

  friend bool operator==(const InplaceAllocator& left, const InplaceAllocator& right) = default;

 private:
  template <typename Other>
  friend class InplaceAllocator;

  static bool fits(std::size_t count) {
    static_assert(alignof(T) <= alignof(std::max_align_t));
    return count * sizeof(T) <= InplaceMemory::capacity;
  }

  InplaceMemory* memory_;
};

}  // namespace mesh
