// The same without nlohmann_json, with a codec of one's own.
#include <string>
#include <string_view>

#include <mesh/core.hpp>

struct Text {
  std::string text;
};

template <>
struct mesh::Codec<Text> {
  static void encode(const Text& text, std::string& out) { out += '"' + text.text + '"'; }
  static Text decode(std::string_view json) {
    return {std::string(json.substr(1, json.size() - 2))};
  }
};

#include "service.hpp"
