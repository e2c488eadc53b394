#pragma once

#include <charconv>
#include <string>
#include <string_view>

namespace mesh::core {

/// What a node understands beyond the original's protocol, as bits. A node tells others with its
/// requests, and with what its owner key holds: its uuid, a point, and the features.
enum class Feature : unsigned {
  codes = 1,   ///< Responses say with `code`, `details` and `executed` what became of a request.
  cancel = 2,  ///< It takes messages that cancel a request.
  frames = 4,  ///< It takes several messages in one.
};

constexpr unsigned own_features = static_cast<unsigned>(Feature::codes) |
                                  static_cast<unsigned>(Feature::cancel) |
                                  static_cast<unsigned>(Feature::frames);

/// Among the features of a caller: it is this very node, whatever its id. Never on the wire.
constexpr unsigned caller_is_here = 1U << 31U;

inline std::string owner_value(std::string_view uuid) {
  return std::string(uuid) + "." + std::to_string(own_features);
}

inline unsigned features_of(std::string_view owner_value) {
  const auto point = owner_value.rfind('.');
  if (point == std::string_view::npos) return 0;
  unsigned features = 0;
  std::from_chars(owner_value.data() + point + 1, owner_value.data() + owner_value.size(),
                  features);
  return features;
}

/// Who has an id, as its owner key says.
struct Owner {
  std::string value;  ///< Compared as a whole.
  unsigned features = 0;
};

inline Owner parse_owner(const std::string& value) { return {value, features_of(value)}; }

inline bool is_caller_here(unsigned features) { return (features & caller_is_here) != 0; }

inline bool has_feature(unsigned features, Feature feature) {
  return (features & static_cast<unsigned>(feature)) != 0;
}

}  // namespace mesh::core
