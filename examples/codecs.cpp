// Payloads that become JSON in other ways than by nlohmann_json's conversions. It needs no Redis:
// it shows the text that each would be sent as.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iostream>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <mesh/mesh.hpp>

struct Point {
  int x = 0;
  int y = 0;
};

// A codec of one's own: fast, since it makes no document. In JSON a point is [x,y].
template <>
struct mesh::Codec<Point> {
  static void encode(const Point& point, std::string& out) {
    out += '[';
    append(out, point.x);
    out += ',';
    append(out, point.y);
    out += ']';
  }

  static Point decode(std::string_view json) {
    Point point;
    skip(json, '[');
    point.x = take(json, "/0");
    skip(json, ',');
    point.y = take(json, "/1");
    skip(json, ']');
    return point;
  }

 private:
  static void append(std::string& out, int number) {
    std::array<char, 16> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end);
  }

  static void skip_space(std::string_view& json) {
    json.remove_prefix(std::min(json.find_first_not_of(" \t\r\n"), json.size()));
  }

  static void skip(std::string_view& json, char expected) {
    skip_space(json);
    if (!json.starts_with(expected)) throw CodecError("", "a point must be [x,y]");
    json.remove_prefix(1);
  }

  // The place is what the other side is told.
  static int take(std::string_view& json, const char* place) {
    skip_space(json);
    int number = 0;
    const auto [end, error] = std::from_chars(json.data(), json.data() + json.size(), number);
    if (error != std::errc()) throw CodecError(place, "not an integer");
    json.remove_prefix(static_cast<std::size_t>(end - json.data()));
    return number;
  }
};

// What is no JSON travels as bytes: here MessagePack, which nlohmann_json brings.
mesh::Bytes pack(const nlohmann::json& document) {
  const std::vector<std::uint8_t> packed = nlohmann::json::to_msgpack(document);
  return mesh::Bytes(std::as_bytes(std::span(packed)));
}
nlohmann::json unpack(const mesh::Bytes& bytes) {
  return nlohmann::json::from_msgpack(bytes.characters());
}

// Both are payloads like any other.
using Messages = mesh::MessageMap<mesh::Message<"mirror", Point, Point>,
                                  mesh::Message<"report", mesh::Bytes, void>>;
using Node = mesh::MeshService<Messages>;

// There and back.
template <typename T>
T travel(const char* what, const T& value) {
  std::string json;
  mesh::Codec<T>::encode(value, json);
  std::cout << what << " travels as " << json << '\n';
  return mesh::Codec<T>::decode(json);
}

int main() try {
  const Point point = travel("a point", Point{3, -4});
  std::cout << "  and is again " << point.x << ", " << point.y << '\n';

  const nlohmann::json report{{"load", 0.25}, {"free", {1, 2, 3}}};
  const mesh::Bytes packed = travel("a report", pack(report));
  std::cout << "  and is again " << unpack(packed) << '\n';

  try {
    mesh::Codec<Point>::decode(R"([3,"four"])");
  } catch (const mesh::CodecError& error) {
    std::cout << "a bad point is refused: " << error.what() << '\n';
  }
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
