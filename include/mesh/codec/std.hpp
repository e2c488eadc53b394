#pragma once

/// What nlohmann_json lacks for types of the standard library, for enums, and for structs with
/// fields that may be missing. Include it where such types are used in payloads; it is no part of
/// `<mesh/mesh.hpp>`. All of it works for a payload as a whole, for members of structs, and in
/// containers.
///
/// - `std::optional`: null, or the value. In a struct described with `MESH_JSON_FIELDS` a field
///   that is missing reads as empty, and one that is empty is left out, as `JSON.stringify` leaves
///   out what is `undefined`: `note?: string` in TypeScript.
/// - Enums: a string, see `mesh::EnumNames`: `"red" | "green"` in TypeScript.
/// - `std::chrono` durations: the number of the type's own units, whole ones if it counts in an
///   integer; so `std::chrono::milliseconds` is what TypeScript passes to `setTimeout`. What is
///   not whole or does not fit is refused.
/// - `std::chrono::system_clock` time points: a string such as "2026-11-28T04:19:22.123Z", which is
///   what `JSON.stringify` makes of a `Date` and what `new Date(text)` reads; milliseconds since
///   1970, as `Date.now()` counts them, are a `std::chrono::milliseconds` instead. Always UTC, with
///   6 or 9 digits instead of 3 where milliseconds are not enough (JavaScript drops those). Any
///   offset is read, a text without one is refused; what is finer than the C++ type is cut off.
///   Only years 0 to 9999 can be written. Other clocks have no meaning on another machine, and no
///   conversion.
/// - `std::variant`: the alternative's JSON, and nothing that says which it was; null for
///   `std::monostate`. When it is read, the alternative that loses least is taken: each that
///   can be decoded is encoded again and compared with what came, where a missing value
///   counts most, then a number that was written without a fraction and now has one or the
///   reverse, then a value that was added; among equals the first one is taken. Integers,
///   `bool` and floats take only JSON of their kind: an integer no fraction and nothing that
///   does not fit. Two things to know: alternatives that look alike come back as the first
///   of them (`int` and `long`, or structs that differ only in fields that may be missing);
///   and JavaScript writes the `double` 2.0 as 2, so of `int` and `double` that is an `int`
///   once it has passed through TypeScript. Safest are structs that say what they are, by a
///   field of an enum with one name: `{kind: "circle", radius: number} | {kind: "square",
///   side: number}` in TypeScript.
/// - `std::filesystem::path`: a string, by nlohmann_json itself. A name that is not UTF-8 cannot be
///   sent.
///
/// What nlohmann_json converts itself is left to it, also `std::optional` in versions that have it.
/// A program must not have an `adl_serializer` of its own for these types besides.

#include <utility>

#include <nlohmann/json.hpp>

#include <mesh/codec/enum_names.hpp>
#include <mesh/codec/nlohmann.hpp>
#include <mesh/detail/nlohmann_chrono.hpp>
#include <mesh/detail/nlohmann_enum.hpp>
#include <mesh/detail/nlohmann_fields.hpp>
#include <mesh/detail/nlohmann_optional.hpp>
#include <mesh/detail/nlohmann_variant.hpp>

/// Describes a struct's fields to nlohmann_json, at namespace scope right behind the struct:
///
///     struct Price {
///       double amount = 0;
///       std::string currency;
///       std::optional<std::string> note;
///     };
///     MESH_JSON_FIELDS(Price, amount, currency, note)
///
/// A missing `note` reads as empty, and an empty one is not written. Every other field must be
/// there: the error names one that is not. Fields that the struct does not have are ignored.
///
/// nlohmann_json's own macros do one or the other: with NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE a
/// missing optional is an error, and with its _WITH_DEFAULT form nothing is ever missing, so that a
/// price without `amount` silently costs 0.
///
/// Up to 63 fields, which must be public.
//
// A document is filled before it is the result, as nlohmann_json 3.11.2 leaks what a result holds
// when a field throws.
#define MESH_JSON_FIELDS(Type, ...)                                                             \
  inline void to_json(::nlohmann::json& mesh_result, [[maybe_unused]] const Type& mesh_value) { \
    ::nlohmann::json mesh_document = ::nlohmann::json::object();                                \
    __VA_OPT__(NLOHMANN_JSON_EXPAND(NLOHMANN_JSON_PASTE(MESH_DETAIL_WRITE_FIELD, __VA_ARGS__))) \
    mesh_result = ::std::move(mesh_document);                                                   \
  }                                                                                             \
  inline void from_json(const ::nlohmann::json& mesh_document,                                  \
                        [[maybe_unused]] Type& mesh_value) {                                    \
    if (!mesh_document.is_object()) ::mesh::detail::refuse_type(mesh_document, "object");       \
    __VA_OPT__(NLOHMANN_JSON_EXPAND(NLOHMANN_JSON_PASTE(MESH_DETAIL_READ_FIELD, __VA_ARGS__)))  \
  }
