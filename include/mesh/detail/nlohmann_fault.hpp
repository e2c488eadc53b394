#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include <mesh/codec.hpp>

namespace mesh::detail {

/// What the library's own conversions throw for a value that they refuse. It knows which value that
/// is, so that nobody need search for the field.
class RefusedValue : public CodecError {
 public:
  template <typename Json>
  RefusedValue(const Json& value, std::string cause)
      : CodecError({}, std::move(cause)), place_(&value) {}

  const void* place() const noexcept { return place_; }

 private:
  const void* place_;
};

/// One whose path is known.
class LocatedFault : public CodecError {
 public:
  explicit LocatedFault(const CodecError& fault) : CodecError(fault) {}
};

template <typename Json>
[[noreturn]] void refuse_type(const Json& value, std::string_view wanted) {
  throw RefusedValue(
      value, "type must be " + std::string(wanted) + ", but is " + std::string(value.type_name()));
}

/// The fault as seen from the whole document, unless the value is a copy of something in it.
inline std::optional<CodecError> locate(const RefusedValue& refused,
                                        const nlohmann::json& document) {
  if (&document == refused.place()) return CodecError({}, refused.cause());
  if (!document.is_structured()) return std::nullopt;
  std::size_t index = 0;
  for (auto member = document.begin(); member != document.end(); ++member, ++index) {
    if (const auto fault = locate(refused, *member)) {
      return fault->inside(document.is_object() ? member.key() : std::to_string(index));
    }
  }
  return std::nullopt;
}

}  // namespace mesh::detail
