#include <string>
#include <string_view>
#include <utility>

#include <mesh/codec/std.hpp>

enum class Color { red, green };
template <>
struct mesh::EnumNames<Color> {
  static constexpr std::pair<Color, std::string_view> names[] = {{Color::red, "red"},
                                                                 {Color::green, "red"}};
};

void run(std::string& out) { mesh::Codec<Color>::encode(Color::red, out); }
