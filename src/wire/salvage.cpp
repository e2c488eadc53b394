#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include <wire/envelope.hpp>
#include <wire/json_string.hpp>

namespace mesh::wire {

namespace {

constexpr std::string_view white_space = " \t\n\r";
constexpr std::size_t largest_field = 2048;  // a request id of the longest, in escapes

constexpr std::array<std::string_view, 8> wanted_fields{
    "requestId", "senderInstanceId", "timeoutMs", "repeat",
    "reply",     "heartbeat",        "accepts",   "cancel"};

class Salvager {
 public:
  explicit Salvager(std::string_view text) : text_(text) {}

  Envelope salvage() {
    Envelope fields;
    return take_fields(fields) ? fields : Envelope{};
  }

  Envelope salvage_beginning() {
    Envelope fields;
    take_fields(fields);
    return fields;
  }

 private:
  bool take_fields(Envelope& fields) {
    if (!take('{')) return false;
    do {
      skip_space();
      const auto name = take_string();
      if (!name || !take(':')) return false;
      skip_space();
      const auto value = take_value();
      if (!value) return false;
      keep(fields, *name, *value);
    } while (take(','));
    if (!take('}')) return false;
    skip_space();
    return position_ == text_.size();
  }

  void skip_space() {
    position_ = std::min(text_.find_first_not_of(white_space, position_), text_.size());
  }

  bool take(char c) {
    skip_space();
    if (position_ == text_.size() || text_[position_] != c) return false;
    ++position_;
    return true;
  }

  /// With its quotes.
  std::optional<std::string_view> take_string() {
    const std::size_t begin = position_;
    return skip_string() ? std::optional(text_.substr(begin, position_ - begin)) : std::nullopt;
  }

  /// To behind the closing quote.
  bool skip_string() {
    if (position_ == text_.size() || text_[position_] != '"') return false;
    for (std::size_t quote = position_;;) {
      const std::size_t begin = quote + 1;
      quote = text_.find('"', begin);
      if (quote == std::string_view::npos) return false;
      const std::size_t last = text_.substr(0, quote).find_last_not_of('\\');
      const std::size_t backslashes = quote - 1 - last;  // at least the opening quote is none
      if (backslashes % 2 != 0) continue;
      position_ = quote + 1;
      return true;
    }
  }

  /// To the comma or bracket behind it; nothing if that is missing.
  std::optional<std::string_view> take_value() {
    const std::size_t begin = position_;
    std::size_t depth = 0;
    while (position_ < text_.size()) {
      const char c = text_[position_];
      if (c == '"') {
        if (!skip_string()) return std::nullopt;
        continue;
      }
      if (depth == 0 && (c == ',' || c == '}' || c == ']')) {
        return text_.substr(begin, position_ - begin);
      }
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      ++position_;
    }
    return std::nullopt;
  }

  static void keep(Envelope& fields, std::string_view quoted_name, std::string_view value) {
    if (quoted_name.size() > largest_field) return;
    JsonString written;
    if (!JsonLexer(quoted_name).take_string(written)) return;
    const std::string name = unescape(written);
    if (std::find(wanted_fields.begin(), wanted_fields.end(), name) == wanted_fields.end()) return;
    *fields.find(name) = simple_value(value).value_or("[]");
  }

  /// Without the spaces around it.
  static std::optional<std::string_view> simple_value(std::string_view value) {
    if (value.size() > largest_field) return std::nullopt;
    JsonLexer lexer(value);
    lexer.skip_space();
    const std::size_t begin = lexer.place();
    if (skip_json_value(lexer, 0) != JsonVerdict::good) return std::nullopt;
    const std::string_view simple = lexer.read_since(begin);
    lexer.skip_space();
    return lexer.is_at_end() ? std::optional(simple) : std::nullopt;
  }

  std::string_view text_;
  std::size_t position_ = 0;
};

}  // namespace

Envelope salvage_envelope(std::string_view text) { return Salvager(text).salvage(); }

Envelope salvage_beginning(std::string_view text) { return Salvager(text).salvage_beginning(); }

}  // namespace mesh::wire
