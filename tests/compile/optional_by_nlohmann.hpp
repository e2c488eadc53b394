// Adds what later versions of nlohmann_json bring: conversions of std::optional of its own.
#include <optional>

#include <nlohmann/detail/abi_macros.hpp>

NLOHMANN_JSON_NAMESPACE_BEGIN
namespace detail {

template <typename Json, typename T>
void to_json(Json& document, const std::optional<T>& value) {
  if (value) {
    document = *value;
  } else {
    document = nullptr;
  }
}
#ifndef ONLY_TO_JSON
#define NLOHMANN_READS_OPTIONAL
template <typename Json, typename T>
void from_json(const Json& document, std::optional<T>& value) {
  if (document.is_null()) {
    value.reset();
  } else {
    value.emplace(document.template get<T>());
  }
}
#endif

}  // namespace detail
NLOHMANN_JSON_NAMESPACE_END

#include <nlohmann/json.hpp>
