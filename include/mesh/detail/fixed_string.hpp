#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace mesh::detail {

/// A string literal as a template argument.
template <std::size_t Size>
struct FixedString {
  char characters[Size]{};

  // Implicit, so that a plain literal can be written as a template argument.
  // NOLINTNEXTLINE(google-explicit-constructor)
  consteval FixedString(const char (&literal)[Size]) { std::copy_n(literal, Size, characters); }

  constexpr explicit operator std::string_view() const { return {characters, Size - 1}; }
};

}  // namespace mesh::detail
