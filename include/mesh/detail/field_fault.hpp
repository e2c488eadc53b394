#pragma once

#include <functional>
#include <string_view>

namespace mesh::detail {

/// Decodes a text, and throws if that fails.
using TryDecode = std::function<void(std::string_view json)>;

/// Throws `CodecError` for the exception in flight, which `decode` threw for `json`, naming the
/// field at fault. nlohmann_json does not say where that is, so altered texts are tried.
[[noreturn]] void throw_field_fault(std::string_view json, const TryDecode& decode);

/// The same where the field is not to be searched for.
[[noreturn]] void throw_value_fault();

}  // namespace mesh::detail
