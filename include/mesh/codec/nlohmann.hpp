#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

#include <mesh/bytes.hpp>
#include <mesh/codec.hpp>
#include <mesh/detail/field_fault.hpp>
#include <mesh/detail/nlohmann_document.hpp>
#include <mesh/detail/nlohmann_fault.hpp>
#include <mesh/detail/nlohmann_numbers.hpp>

namespace mesh {

namespace detail {

template <typename T>
concept ToDocument = requires(const T& value) {
  Json(value);
};
template <typename T>
concept FromDocument = requires(const Json& document) {
  { document.get<T>() } -> std::convertible_to<T>;
};

/// Whether floats could become integers unseen.
template <typename T>
inline constexpr bool may_lose_fractions = !std::is_floating_point_v<T> && ToDocument<T>;

}  // namespace detail

/// The codec of all types that have none of their own: whatever nlohmann_json converts, which is
/// its own `json`, the containers of the standard library, and types with `to_json` and `from_json`
/// or a `nlohmann::adl_serializer`; a `from_json` that returns its value needs no default
/// constructor. What is wrong with a document is said with the field.
///
/// Numbers follow its conversions, which cut fractions off and do not check that a C++ integer is
/// wide enough. Only a number of 2^31 or more that no `std::int64_t` holds, or with a fraction, is
/// refused where an integer is wanted; for this, `to_json` is taken for the reverse of `from_json`.
template <typename T>
struct Codec : detail::TrustedCodec {
  /// Throws `CodecError` for a text that is not UTF-8 and for a number that is not finite, and what
  /// `to_json` throws.
  static void encode(const T& value, std::string& out) requires detail::ToDocument<T> {
    if constexpr (std::same_as<T, detail::Json>) {
      detail::append_document(out, value);
    } else if constexpr (std::same_as<T, std::string>) {
      detail::append_text(out, value);
    } else {
      detail::append_document(out, to_document(value));
    }
  }

  /// Throws `CodecError`.
  static T decode(std::string_view json) requires detail::FromDocument<T> {
    if constexpr (std::same_as<T, std::string>) {
      // Without a document; what is no text is left to it.
      if (auto text = detail::read_json_string(json)) return *std::move(text);
    }
    detail::DocumentBuilder builder;
    detail::read_json(json, builder);
    if constexpr (std::same_as<T, detail::Json>) {
      return std::move(builder.document());
    } else {
      try {
        if constexpr (detail::may_lose_fractions<T>) {
          if (builder.has_large_float()) {
            detail::tame_large_floats(builder.document(), [](const detail::Json& altered) {
              return detail::Json(from_document(altered));
            });
          }
        }
        return from_document(builder.document());
      } catch (const detail::LostFraction&) {
        throw;
      } catch (const detail::LocatedFault&) {
        throw;
      } catch (...) {
        detail::throw_field_fault(json, try_decode);
      }
    }
  }

 private:
  static T from_document(const detail::Json& document) {
    try {
      return document.template get<T>();
    } catch (const detail::RefusedValue& refused) {
      if (const auto fault = detail::locate(refused, document)) throw detail::LocatedFault(*fault);
      throw;
    }
  }

  static detail::Json to_document(const T& value) {
    try {
      return detail::Json(value);
    } catch (const CodecError&) {
      throw;
    } catch (...) {
      detail::throw_value_fault();
    }
  }

  static void try_decode(std::string_view json) {
    detail::DocumentBuilder builder;
    detail::read_json(json, builder);
    detail::make_integers(builder.document(), detail::is_large_float);
    static_cast<void>(builder.document().template get<T>());
  }
};

/// So that structs may have members of this type.
template <typename Json>
requires std::same_as<Json, nlohmann::json>
void to_json(Json& document, const Bytes& value) {
  std::string text;
  Codec<Bytes>::encode(value, text);
  document = text.substr(1, text.size() - 2);
}
template <typename Json>
requires std::same_as<Json, nlohmann::json>
void from_json(const Json& document, Bytes& value) {
  value = Codec<Bytes>::decode('"' + document.template get_ref<const std::string&>() + '"');
}

}  // namespace mesh
