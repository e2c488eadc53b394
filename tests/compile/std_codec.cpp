// All of it in one program, also with other settings of nlohmann_json.
#include <mesh/codec/std.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

enum class Color { red, green };
template <>
struct mesh::EnumNames<Color> {
  static constexpr std::pair<Color, std::string_view> names[] = {{Color::red, "red"},
                                                                 {Color::green, "green"}};
};

struct Everything {
  std::optional<int> number;
  std::optional<Color> color;
  std::variant<std::monostate, std::int64_t, double, std::string> value;
  std::chrono::milliseconds length{};
  std::chrono::system_clock::time_point begin;
  std::filesystem::path path;
  std::vector<std::optional<Color>> colors;
};
MESH_JSON_FIELDS(Everything, number, color, value, length, begin, path, colors)

#ifdef NLOHMANN_READS_OPTIONAL
static_assert(mesh::detail::ReadsOptional<nlohmann::json>, "then it must be left to do so");
#endif

template <typename... Ts>
concept Payloads = (mesh::detail::Payload<Ts> && ...);

static_assert(Payloads<Everything, std::optional<Everything>, std::variant<Everything, Color>,
                       std::vector<std::optional<int>>, Color, std::filesystem::path,
                       std::chrono::duration<double>, std::chrono::sys_seconds>);

Everything travel(const Everything& everything) {
  std::string json;
  mesh::Codec<Everything>::encode(everything, json);
  return mesh::Codec<Everything>::decode(json);
}
std::optional<int> travel(const std::optional<int>& number) {
  std::string json;
  mesh::Codec<std::optional<int>>::encode(number, json);
  return mesh::Codec<std::optional<int>>::decode(json);
}
