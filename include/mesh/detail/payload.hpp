#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

#include <mesh/codec.hpp>
#include <mesh/errors.hpp>

namespace mesh::detail {

/// Stands for a payload that is JSON text.
struct RawJson;

/// The value of a payload that is `void`.
struct NoPayload {};

template <typename T>
struct BoxedPayload {
  using type = T;
};
template <>
struct BoxedPayload<void> {
  using type = NoPayload;
};
template <>
struct BoxedPayload<RawJson> {
  using type = std::string;
};

/// A payload as a value: `void` becomes an empty type.
template <typename T>
using Boxed = typename BoxedPayload<T>::type;

/// Throws `MeshDecodeError` or `MeshEncodeError` for the exception in flight.
[[noreturn]] void throw_decode_error(std::string_view type, Executed executed);
[[noreturn]] void throw_encode_error(std::string_view type, Executed executed);

/// Throws `MeshEncodeError` unless this is one JSON value.
void check_encoded(std::string_view type, std::string_view json, Executed executed);
[[noreturn]] void throw_not_appended(std::string_view type, Executed executed);

/// Calls `encode(out)`, which shall append one JSON value. Some assign instead, by mistake.
template <typename Encode>
void append_checked(std::string_view type, std::string& out, Executed executed, Encode encode) {
  std::array<char, 8> before{};
  const std::size_t begin = out.size();
  const std::size_t seen = std::min(begin, before.size());
  std::copy_n(out.data() + (begin - seen), seen, before.data());
  encode(out);
  if (out.size() < begin ||
      std::string_view(out).substr(begin - seen, seen) != std::string_view(before.data(), seen)) {
    throw_not_appended(type, executed);
  }
  check_encoded(type, std::string_view(out).substr(begin), executed);
}

/// Appends the JSON text of a payload. Throws `MeshEncodeError`; `executed` is what that says.
template <typename T>
void encode_payload(std::string_view type, const Boxed<T>& value, std::string& out,
                    Executed executed) {
  if constexpr (std::is_void_v<T>) {
    out += "null";
  } else if constexpr (std::is_same_v<T, RawJson>) {
    check_encoded(type, value, executed);
    out += value;
  } else {
    const auto encode = [&](std::string& text) {
      try {
        Codec<T>::encode(value, text);
      } catch (...) {
        throw_encode_error(type, executed);
      }
    };
    if constexpr (std::is_base_of_v<TrustedCodec, Codec<T>>) {
      encode(out);
    } else {
      append_checked(type, out, executed, encode);
    }
  }
}

/// Throws `MeshDecodeError`; `executed` is what that says.
template <typename T>
Boxed<T> decode_payload(std::string_view type, std::string_view json, Executed executed) {
  if constexpr (std::is_void_v<T>) {
    return {};
  } else if constexpr (std::is_same_v<T, RawJson>) {
    return std::string(json);
  } else {
    try {
      return Codec<T>::decode(json);
    } catch (...) {
      throw_decode_error(type, executed);
    }
  }
}

}  // namespace mesh::detail
