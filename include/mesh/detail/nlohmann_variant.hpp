#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include <mesh/codec/enum_names.hpp>
#include <mesh/codec/nlohmann.hpp>
#include <mesh/detail/nlohmann_fault.hpp>
#include <mesh/detail/nlohmann_integer.hpp>
#include <mesh/detail/nlohmann_loss.hpp>
#include <mesh/detail/nlohmann_numbers.hpp>
#include <mesh/detail/variant_complaint.hpp>

namespace mesh::detail {

// Not by a conversion of its own: comparing documents makes compilers look for one, and then it is
// too late to add it.
template <typename T>
concept Empty = std::same_as<T, std::monostate>;

template <typename T>
concept WritableAlternative = Empty<T> || ToDocument<T>;
template <typename T>
concept ReadableAlternative = Empty<T> ||(ToDocument<T>&& FromDocument<T>);

template <typename T>
Json write_alternative(const T& value) {
  if constexpr (Empty<T>) {
    return nullptr;
  } else {
    return Json(value);
  }
}

/// A look at the kind of the value saves most exceptions, and nlohmann_json makes an integer of any
/// number and of a boolean.
template <typename T>
void check_kind(const Json& document) {
  if constexpr (Empty<T>) {
    if (!document.is_null()) refuse_type(document, "null");
  } else if constexpr (std::same_as<T, bool>) {
    if (!document.is_boolean()) refuse_type(document, "boolean");
  } else if constexpr (std::is_arithmetic_v<T>) {
    if (!document.is_number()) refuse_type(document, "number");
    if constexpr (std::integral<T>) {
      if (!exact_integer<T>(document)) throw RefusedValue(document, "not an integer of that size");
    }
  } else if constexpr (std::same_as<T, std::string> || NamedEnum<T>) {
    if (!document.is_string()) refuse_type(document, "string");
  }
}

template <typename T>
T read_alternative(const Json& document) {
  check_kind<T>(document);
  if constexpr (Empty<T>) {
    return {};
  } else {
    if constexpr (!std::is_arithmetic_v<T>) {
      if (has_large_fraction(document)) {
        Json tamed = document;
        tame_large_floats(tamed, [](const Json& altered) { return Json(altered.get<T>()); });
        return tamed.get<T>();
      }
    }
    return document.get<T>();
  }
}

/// Finds the alternative that loses least of a document.
template <typename... Ts>
class VariantReader {
 public:
  using Variant = std::variant<Ts...>;

  explicit VariantReader(const Json& document) : document_(document) {}

  Variant read() {
    read_in_turn(std::index_sequence_for<Ts...>());
    if (!best_) throw RefusedValue(document_, describe_unfitting(complaints_));
    return *std::move(best_);
  }

 private:
  template <std::size_t... Indices>
  void read_in_turn(std::index_sequence<Indices...>) {
    (try_alternative<Indices>() || ...);
  }

  /// Returns whether it is perfect.
  template <std::size_t Index>
  bool try_alternative() {
    using T = std::variant_alternative_t<Index, Variant>;
    try {
      T value = read_alternative<T>(document_);
      const Loss loss = find_loss(document_, write_alternative(value));
      if (!best_ || loss < least_) {
        best_.emplace(std::in_place_index<Index>, std::move(value));
        least_ = loss;
      }
      return loss == Loss{};
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      complaints_.emplace_back(error.what());
      return false;
    }
  }

  const Json& document_;
  std::optional<Variant> best_;
  Loss least_;
  std::vector<std::string> complaints_;
};

}  // namespace mesh::detail

template <typename... Ts>
struct nlohmann::adl_serializer<std::variant<Ts...>, void> {
  using Variant = std::variant<Ts...>;

  static void to_json(nlohmann::json& document,
                      const Variant& value) requires(mesh::detail::WritableAlternative<Ts>&&...) {
    if (value.valueless_by_exception()) {
      throw mesh::CodecError({}, "a variant that lost its value to an exception");
    }
    std::visit(
        [&](const auto& alternative) { document = mesh::detail::write_alternative(alternative); },
        value);
  }

  static Variant from_json(const nlohmann::json& document) requires(
      mesh::detail::ReadableAlternative<Ts>&&...) {
    return mesh::detail::VariantReader<Ts...>(document).read();
  }
  static void from_json(const nlohmann::json& document,
                        Variant& value) requires(mesh::detail::ReadableAlternative<Ts>&&...) {
    value = from_json(document);
  }
};
