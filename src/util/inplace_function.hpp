#pragma once

#include <array>
#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace mesh {

template <typename Signature, std::size_t Capacity>
class InplaceFunction;

/// A callable of at most `Capacity` bytes, held without an allocation. Can be moved, not copied;
/// what was moved from is empty and must not be called.
template <typename Result, typename... Args, std::size_t Capacity>
class InplaceFunction<Result(Args...), Capacity> {
 public:
  template <typename Held>
  requires(!std::is_same_v<Held, InplaceFunction> && std::is_invocable_r_v<Result, Held&, Args...>)
      // NOLINTNEXTLINE(google-explicit-constructor): as std::function
      InplaceFunction(Held function) {
    static_assert(sizeof(Held) <= Capacity && alignof(Held) <= alignof(std::max_align_t),
                  "hold what is large by a pointer");
    static_assert(std::is_nothrow_move_constructible_v<Held>);
    new (place_.data()) Held(std::move(function));
    operations_ = &operations_on<Held>;
  }
  InplaceFunction(InplaceFunction&& other) noexcept { take(other); }
  InplaceFunction& operator=(InplaceFunction&& other) noexcept {
    if (this == &other) return *this;
    reset();
    take(other);
    return *this;
  }
  InplaceFunction(const InplaceFunction&) = delete;
  InplaceFunction& operator=(const InplaceFunction&) = delete;
  ~InplaceFunction() { reset(); }

  Result operator()(Args... args) {
    return operations_->call(place_.data(), std::forward<Args>(args)...);
  }

 private:
  struct Operations {
    Result (*call)(void* held, Args&&... args);
    void (*move)(void* from, void* to) noexcept;  // and destroys what it moved from
    void (*destroy)(void* held) noexcept;
  };

  template <typename Held>
  static constexpr Operations operations_on{
      [](void* held, Args&&... args) -> Result {
        return (*static_cast<Held*>(held))(std::forward<Args>(args)...);
      },
      [](void* from, void* to) noexcept {
        Held& held = *static_cast<Held*>(from);
        new (to) Held(std::move(held));
        held.~Held();
      },
      [](void* held) noexcept { static_cast<Held*>(held)->~Held(); }};

  void take(InplaceFunction& other) noexcept {
    operations_ = std::exchange(other.operations_, nullptr);
    if (operations_ != nullptr) operations_->move(other.place_.data(), place_.data());
  }
  void reset() noexcept {
    if (operations_ != nullptr) std::exchange(operations_, nullptr)->destroy(place_.data());
  }

  alignas(std::max_align_t) std::array<std::byte, Capacity> place_;
  const Operations* operations_ = nullptr;
};

}  // namespace mesh
