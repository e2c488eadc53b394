#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <type_traits>

namespace mesh::detail {

// Not defined: a compiler that reaches the call of it quotes it.
void the_name_must_be_a_string_literal();

/// A string literal as a template argument.
template <std::size_t Size>
struct FixedString {
  char characters[Size]{};

  // Implicit, so that a plain literal can be written as a template argument.
  // NOLINTNEXTLINE(google-explicit-constructor)
  consteval FixedString(const char (&literal)[Size]) { std::copy_n(literal, Size, characters); }

  // For what is no literal, so that compilers say that it is not constant.
  template <typename T, typename = std::enable_if_t<Size == 1 && !std::is_array_v<T>>>
  // NOLINTNEXTLINE(google-explicit-constructor)
  consteval FixedString(const T& /*name*/) {
    the_name_must_be_a_string_literal();
  }

  constexpr explicit operator std::string_view() const { return {characters, Size - 1}; }
};

template <typename T>
FixedString(const T&) -> FixedString<1>;

}  // namespace mesh::detail
