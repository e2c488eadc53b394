// The same with the library and the codec for nlohmann_json.
#include <string>

#include <mesh/mesh.hpp>

struct Text {
  std::string text;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Text, text)

#include "service.hpp"
