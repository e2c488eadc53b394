#pragma once

#include <type_traits>

namespace mesh::detail {

// GCC before 13 destroys an aggregate temporary in a co_await expression twice: its coroutine pass
// moves the temporaries that initialize the members into the frame as objects of their own
// (GCC PR 99576 and 107288, fixed in 13.1).
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
inline constexpr bool compiler_destroys_aggregate_temporaries_twice = true;
#else
inline constexpr bool compiler_destroys_aggregate_temporaries_twice = false;
#endif

/// Whether a temporary `T` inside a `co_await` expression is miscompiled by this compiler.
template <typename T>
inline constexpr bool is_unsafe_temporary =
    std::is_aggregate_v<T> && !std::is_trivially_destructible_v<T> &&
    compiler_destroys_aggregate_temporaries_twice;

}  // namespace mesh::detail
