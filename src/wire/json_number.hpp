#pragma once

#include <cstdint>
#include <optional>

#include <wire/json_lexer.hpp>

namespace mesh::wire {

/// Nothing if it is no integer as written, or has too many digits.
std::optional<std::int64_t> to_int64(const JsonNumber& number);
/// The same without a sign.
std::optional<std::uint64_t> to_uint64(const JsonNumber& number);
/// The nearest one, also if that is an infinity.
double to_double(const JsonNumber& number);

}  // namespace mesh::wire
