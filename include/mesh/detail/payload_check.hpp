#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

#include <mesh/detail/fixed_string.hpp>

namespace mesh::detail {

template <typename T>
concept JsonPayload = std::is_void_v<T> ||
    (std::default_initializable<T>&& requires(const T& value, T& target, nlohmann::json& document) {
      nlohmann::json(value);
      document.get_to(target);
    });

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

template <typename T>
inline constexpr bool is_copyable = std::is_void_v<T> || std::copyable<T>;

// The checks are classes of their own, since clang takes all for wrong that is in a class with a
// failed static_assert, and reports each use of it.
template <FixedString Name, typename T>
struct RequestCheck {
  static_assert(
      !refers_elsewhere<T>,
      "the request type of this Message must own its data: take std::string for std::string_view "
      "or const char*, std::vector for std::span, and values for pointers and references");
  static_assert(refers_elsewhere<T> || JsonPayload<T>,
                "the request type needs a default constructor and to_json/from_json");
  static_assert(refers_elsewhere<T> || !JsonPayload<T> || is_copyable<T>,
                "the request type of this Message must be copyable: a call to the own node hands "
                "the handler a copy");
};

template <FixedString Name, typename T>
struct ResponseCheck {
  static_assert(
      !refers_elsewhere<T>,
      "the response type of this Message must own its data: take std::string for std::string_view "
      "or const char*, std::vector for std::span, and values for pointers and references");
  static_assert(refers_elsewhere<T> || JsonPayload<T>,
                "the response type needs a default constructor and to_json/from_json");
};

template <FixedString Name, typename T>
struct BroadcastCheck {
  static_assert(
      !refers_elsewhere<T>,
      "the payload type of this Broadcast must own its data: take std::string for std::string_view "
      "or const char*, std::vector for std::span, and values for pointers and references");
  static_assert(refers_elsewhere<T> || JsonPayload<T>,
                "the payload type needs a default constructor and to_json/from_json");
};

/// Takes the place of a refused payload, so that its refusal is the only error: converts from and
/// to everything.
struct RefusedPayload {
  RefusedPayload() = default;
  template <typename T>
  RefusedPayload(const T& /*value*/) {}  // NOLINT(google-explicit-constructor)
  template <typename T>
  requires(!std::same_as<T, nlohmann::json>) operator T()
      const;  // NOLINT(google-explicit-constructor)
};
void to_json(nlohmann::json& document, const RefusedPayload& payload);
void from_json(const nlohmann::json& document, RefusedPayload& payload);

template <typename T>
using PayloadOrRefused =
    std::conditional_t<JsonPayload<T> && !refers_elsewhere<T>, T, RefusedPayload>;
template <typename T>
using RequestOrRefused = std::conditional_t<is_copyable<T>, PayloadOrRefused<T>, RefusedPayload>;

}  // namespace mesh::detail
