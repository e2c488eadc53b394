#pragma once

#include <optional>

#include <nlohmann/json.hpp>

namespace mesh::detail {

template <typename T>
inline constexpr bool is_optional = false;
template <typename T>
inline constexpr bool is_optional<std::optional<T>> = true;

/// nlohmann_json has had both directions since 3.12, but 3.12.0 leaves the one from JSON out unless
/// it is set up for it. So this looks, instead of trusting the version.
template <typename Json>
concept ReadsOptional = requires(const Json& document, std::optional<int>& value) {
  ::nlohmann::from_json(document, value);
};

}  // namespace mesh::detail

template <typename T>
requires(!mesh::detail::ReadsOptional<nlohmann::json>) struct nlohmann::adl_serializer<
    std::optional<T>, void> {
  template <typename Json>
  requires requires(const T& value) { Json(value); }
  static void to_json(Json& document, const std::optional<T>& value) {
    if (value) {
      document = Json(*value);
    } else {
      document = nullptr;
    }
  }

  template <typename Json>
  requires requires(const Json& document) { document.template get<T>(); }
  static std::optional<T> from_json(const Json& document) {
    if (document.is_null()) return std::nullopt;
    return std::optional<T>(std::in_place, document.template get<T>());
  }
  template <typename Json>
  requires requires(const Json& document) { document.template get<T>(); }
  static void from_json(const Json& document, std::optional<T>& value) {
    if (document.is_null()) {
      value.reset();
    } else {
      value.emplace(document.template get<T>());
    }
  }
};
