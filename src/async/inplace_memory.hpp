#pragma once

#include <array>
#include <cstddef>
#include <new>

namespace mesh {

/// Memory for one object of any type, such as what Asio keeps of a posted function, inside of what
/// is there anyway. It must be given back before this is destroyed; Asio does that, as it moves a
/// function out of its memory before it calls or drops it.
class InplaceMemory {
 public:
  InplaceMemory() = default;
  InplaceMemory(const InplaceMemory&) = delete;
  InplaceMemory& operator=(const InplaceMemory&) = delete;

  /// From the heap if it is taken, or too small.
  void* allocate(std::size_t size) {
    if (is_taken_ || size > bytes_.size()) return ::operator new(size);
    is_taken_ = true;
    return bytes_.data();
  }
  void deallocate(void* memory) noexcept {
    if (memory == bytes_.data()) {
      is_taken_ = false;
    } else {
      ::operator delete(memory);
    }
  }

 private:
  alignas(std::max_align_t) std::array<std::byte, 128> bytes_;
  bool is_taken_ = false;
};

template <typename T>
class InplaceAllocator {
 public:
  using value_type = T;

  explicit InplaceAllocator(InplaceMemory& memory) : memory_(&memory) {}
  template <typename Other>
  InplaceAllocator(const InplaceAllocator<Other>& other)  // NOLINT(google-explicit-constructor)
      : memory_(other.memory_) {}

  T* allocate(std::size_t count) {
    static_assert(alignof(T) <= alignof(std::max_align_t));
    return static_cast<T*>(memory_->allocate(count * sizeof(T)));
  }
  void deallocate(T* object, std::size_t /*count*/) noexcept { memory_->deallocate(object); }

  friend bool operator==(const InplaceAllocator& left, const InplaceAllocator& right) = default;

 private:
  template <typename Other>
  friend class InplaceAllocator;

  InplaceMemory* memory_;
};

}  // namespace mesh
