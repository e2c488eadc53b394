#pragma once

#include <cstddef>
#include <string_view>
#include <type_traits>

#include <mesh/detail/fixed_string.hpp>
#include <mesh/detail/payload_check.hpp>

namespace mesh {

/// One request/response pair: its name on the wire and its C++ types.
///
/// A payload is any type that owns its data and has a `Codec`: with `<mesh/mesh.hpp>` all that
/// nlohmann_json converts both ways, `nlohmann::json` itself for untyped use. `void` stands for
/// none. It needs neither a copy nor a default constructor.
template <detail::FixedString Name, typename Request, typename Response>
struct Message {
  static_assert(!std::string_view(Name).empty(), "a message name must not be empty");
  static_assert(sizeof(detail::RequestCheck<Name, Request>) != 0);
  static_assert(sizeof(detail::ResponseCheck<Name, Response>) != 0);

  static constexpr std::string_view name{Name};
  using request_type = detail::PayloadOrRefused<Request>;
  using response_type = detail::PayloadOrRefused<Response>;
};

/// One broadcast: its name on the wire and the type of its payload.
template <detail::FixedString Name, typename Payload>
struct Broadcast {
  static_assert(!std::string_view(Name).empty(), "a broadcast name must not be empty");
  static_assert(sizeof(detail::BroadcastCheck<Name, Payload>) != 0);

  static constexpr std::string_view name{Name};
  using payload_type = detail::PayloadOrRefused<Payload>;
};

namespace detail {

template <typename... Entries>
consteval bool names_are_unique() {
  constexpr std::size_t count = sizeof...(Entries);
  if constexpr (count > 0) {
    const std::string_view names[] = {Entries::name...};
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = i + 1; j < count; ++j) {
        if (names[i] == names[j]) return false;
      }
    }
  }
  return true;
}

template <FixedString Name, typename... Entries>
struct FindEntry {
  using type = void;
};

template <FixedString Name, typename First, typename... Rest>
struct FindEntry<Name, First, Rest...> {
  using type =
      typename std::conditional_t<First::name == std::string_view(Name), std::type_identity<First>,
                                  FindEntry<Name, Rest...>>::type;
};

}  // namespace detail

/// The messages a mesh understands; names must be unique.
template <typename... Messages>
struct MessageMap {
  static_assert(detail::names_are_unique<Messages...>(),
                "MessageMap: two messages have the same name");

  /// The entry called `Name`, or `void`.
  template <detail::FixedString Name>
  using find = typename detail::FindEntry<Name, Messages...>::type;
};

/// The broadcasts a mesh understands; names must be unique.
template <typename... Broadcasts>
struct BroadcastMap {
  static_assert(detail::names_are_unique<Broadcasts...>(),
                "BroadcastMap: two broadcasts have the same name");

  /// The entry called `Name`, or `void`.
  template <detail::FixedString Name>
  using find = typename detail::FindEntry<Name, Broadcasts...>::type;
};

}  // namespace mesh
