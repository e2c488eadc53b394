#include <codec/json_places.hpp>

#include <limits>
#include <utility>

#include <mesh/codec.hpp>

#include <wire/json_reader.hpp>
#include <wire/json_string.hpp>

namespace mesh::codec {

namespace {

class Collector {
 public:
  Collector(const wire::JsonLexer& lexer, std::size_t most) : lexer_(lexer), most_(most) {}

  void null() { add_word(4); }
  void boolean(bool value) { add_word(value ? 4 : 5); }
  void number(const wire::JsonNumber& number) { add_word(number.written.size()); }
  void string(const wire::JsonString& string) { add_word(string.written.size() + 2); }
  void key(const wire::JsonString& key) {
    if (is_full()) return;
    around_.back().place.keys.push_back(wire::unescape(key));
  }
  void begin_object() { enter(true); }
  void end_object() { leave(); }
  void begin_array() { enter(false); }
  void end_array() { leave(); }

  JsonPlaces take() { return std::move(found_); }

 private:
  // Each has the keys of all levels around it.
  static constexpr std::size_t most_bytes_of_pointers = std::size_t{1} << 20U;

  struct Around {
    JsonPlace place;
    std::size_t begin = 0;
    std::size_t elements = 0;
  };

  bool is_full() const {
    return found_.places.size() >= most_ || bytes_of_pointers_ >= most_bytes_of_pointers;
  }

  /// Where the value is that begins now.
  std::string pointer() {
    if (around_.empty()) return {};
    Around& around = around_.back();
    const std::string key =
        around.place.is_object ? around.place.keys.back() : std::to_string(around.elements++);
    std::string pointer = member_pointer(around.place.pointer, key);
    bytes_of_pointers_ += pointer.size();
    return pointer;
  }

  void add_word(std::size_t size) {
    ++found_.values;
    if (is_full()) return;
    const std::size_t end = lexer_.place();
    found_.places.push_back({pointer(), lexer_.read_since(end - size)});
  }

  void enter(bool is_object) {
    ++found_.values;
    if (is_full()) return;
    around_.push_back({{pointer(), {}, is_object}, lexer_.place() - 1});
  }

  void leave() {
    if (is_full()) return;
    JsonPlace place = std::move(around_.back().place);
    place.text = lexer_.read_since(around_.back().begin);
    around_.pop_back();
    found_.places.push_back(std::move(place));
  }

  const wire::JsonLexer& lexer_;
  std::size_t most_;
  std::vector<Around> around_;
  std::size_t bytes_of_pointers_ = 0;
  JsonPlaces found_;
};

}  // namespace

std::string member_pointer(std::string_view pointer, std::string_view key) {
  return std::string(pointer) + CodecError({}, {}).inside(key).path();
}

JsonPlaces find_places(std::string_view json, std::size_t most) {
  wire::JsonLexer lexer(json);
  Collector collector(lexer, most);
  wire::read_json_value(lexer, std::numeric_limits<std::size_t>::max(), collector);
  return collector.take();
}

}  // namespace mesh::codec
