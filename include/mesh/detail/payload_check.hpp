#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <mesh/codec.hpp>
#include <mesh/detail/fixed_string.hpp>

namespace mesh::detail {

/// Whether a `T` refers to something that it does not own, itself or in its elements. What it
/// refers to would be gone when a handler or caller gets it. Members of a struct are not seen.
template <typename T>
struct RefersElsewhere : std::bool_constant<std::is_pointer_v<T> || std::is_reference_v<T>> {};

template <typename Character, typename Traits>
struct RefersElsewhere<std::basic_string_view<Character, Traits>> : std::true_type {};
template <typename T, std::size_t Extent>
struct RefersElsewhere<std::span<T, Extent>> : std::true_type {};
template <typename T>
struct RefersElsewhere<std::reference_wrapper<T>> : std::true_type {};

template <typename First, typename Second>
struct RefersElsewhere<std::pair<First, Second>>
    : std::disjunction<RefersElsewhere<First>, RefersElsewhere<Second>> {};
template <typename... Elements>
struct RefersElsewhere<std::tuple<Elements...>> : std::disjunction<RefersElsewhere<Elements>...> {};

// Containers and std::optional. A nlohmann::json is its own value_type.
template <typename T>
requires(!std::same_as<typename T::value_type, T>) struct RefersElsewhere<T>
    : RefersElsewhere<std::remove_cv_t<typename T::value_type>> {
};

template <typename T>
inline constexpr bool refers_elsewhere = RefersElsewhere<std::remove_cv_t<T>>::value;

// The checks are classes of their own, since clang takes all for wrong that is in a class with a
// failed static_assert, and reports each use of it.
template <FixedString Name, typename T>
struct RequestCheck {
  static_assert(
      !refers_elsewhere<T>,
      "the request type of this Message must own its data: take std::string for std::string_view "
      "or const char*, std::vector for std::span, and values for pointers and references");
  static_assert(refers_elsewhere<T> || Payload<T>,
                "the request type needs a codec: to_json and from_json with "
                "<mesh/codec/nlohmann.hpp>, or a specialization of mesh::Codec");
};

template <FixedString Name, typename T>
struct ResponseCheck {
  static_assert(
      !refers_elsewhere<T>,
      "the response type of this Message must own its data: take std::string for std::string_view "
      "or const char*, std::vector for std::span, and values for pointers and references");
  static_assert(refers_elsewhere<T> || Payload<T>,
                "the response type needs a codec: to_json and from_json with "
                "<mesh/codec/nlohmann.hpp>, or a specialization of mesh::Codec");
};

template <FixedString Name, typename T>
struct BroadcastCheck {
  static_assert(
      !refers_elsewhere<T>,
      "the payload type of this Broadcast must own its data: take std::string for std::string_view "
      "or const char*, std::vector for std::span, and values for pointers and references");
  static_assert(refers_elsewhere<T> || Payload<T>,
                "the payload type needs a codec: to_json and from_json with "
                "<mesh/codec/nlohmann.hpp>, or a specialization of mesh::Codec");
};

/// That of nlohmann_json can be made of anything, by its own means.
template <typename T>
concept IsDocument = requires {
  typename T::json_pointer;
  typename T::object_t;
};

/// Takes the place of a refused payload, so that its refusal is the only error: converts from and
/// to everything.
struct RefusedPayload {
  RefusedPayload() = default;
  template <typename T>
  RefusedPayload(const T& /*value*/) {}  // NOLINT(google-explicit-constructor)
  template <typename T>
  requires(!IsDocument<T>) operator T() const;  // NOLINT(google-explicit-constructor)
};

template <typename T>
using PayloadOrRefused = std::conditional_t<Payload<T> && !refers_elsewhere<T>, T, RefusedPayload>;

}  // namespace mesh::detail

namespace mesh {

template <>
struct Codec<detail::RefusedPayload> : detail::TrustedCodec {
  static void encode(const detail::RefusedPayload& value, std::string& out);
  static detail::RefusedPayload decode(std::string_view json);
};

}  // namespace mesh
