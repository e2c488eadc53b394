#include <wire/envelope.hpp>

#include <charconv>
#include <cstring>
#include <utility>

#include <wire/json_text.hpp>

namespace mesh::wire {

namespace {

constexpr std::size_t most_digits = 15;  // exact in JavaScript too

class Scanner {
 public:
  Scanner(std::string_view text, std::size_t nesting_depth)
      : text_(text), nesting_depth_(nesting_depth) {}

  bool scan(Envelope& result) {
    if (!take("{")) return false;
    do {
      const auto name = take_quoted();
      if (!name || !take(":") || !take_field(*name, result)) return false;
    } while (take(","));
    return take("}") && position_ == text_.size();
  }

 private:
  bool take(std::string_view word) {
    if (!text_.substr(position_).starts_with(word)) return false;
    position_ += word.size();
    return true;
  }

  bool take_field(std::string_view name, Envelope& result) {
    if (name == "requestId") return take_once(result.request_id, take_text());
    if (name == "data") return take_data(result);
    if (name == "reply") return take_true(result.reply);
    if (name == "senderInstanceId") return take_once(result.sender, take_integer());
    if (name == "type") return take_once(result.type, take_text());
    if (name == "timeoutMs")
      return take_once(result.timeout, take_integer()) && *result.timeout > 0;
    if (name == "heartbeat") return take_true(result.heartbeat);
    if (name == "error") return take_once(result.error, take_text());
    if (name == "broadcast") return take_true(result.broadcast);
    if (name == "repeat") return take_true(result.repeat);
    return false;
  }

  template <typename Value>
  static bool take_once(std::optional<Value>& field, std::optional<Value> value) {
    if (field || !value) return false;
    field = value;
    return true;
  }

  bool take_data(Envelope& result) {
    if (std::exchange(result.has_data, true)) return false;
    const std::size_t size =
        parse_plain_prefix(text_.substr(position_), nesting_depth_ - 1, result.data);
    position_ += size;
    if (size > 0) return true;
    const auto text = take_value();
    if (!text || text->empty()) return false;
    result.data_text = *text;
    return true;
  }

  bool take_true(bool& field) {
    if (field || !take("true")) return false;
    field = true;
    return true;
  }

  /// Up to the next quote, whatever comes before it.
  std::optional<std::string_view> take_quoted() {
    if (!take("\"")) return std::nullopt;
    const std::size_t end = text_.find('"', position_);
    if (end == std::string_view::npos) return std::nullopt;
    const auto result = text_.substr(position_, end - position_);
    position_ = end + 1;
    return result;
  }

  std::optional<std::string_view> take_text() {
    const auto result = take_quoted();
    return result && needs_no_escapes(*result) ? result : std::nullopt;
  }

  std::optional<std::int64_t> take_integer() {
    const std::size_t sign = take("-") ? 1 : 0;
    const std::size_t begin = position_;
    while (position_ < text_.size() && is_digit(text_[position_])) ++position_;
    const std::size_t digits = position_ - begin;
    if (digits == 0 || digits > most_digits) return std::nullopt;
    if (text_[begin] == '0' && digits + sign > 1) return std::nullopt;
    std::int64_t value = 0;
    std::from_chars(text_.data() + begin - sign, text_.data() + position_, value);
    return value;
  }

  /// Up to the comma or bracket behind it; what it is made of is for the parser to judge.
  std::optional<std::string_view> take_value() {
    const std::size_t begin = position_;
    std::size_t depth = 1;  // that of the message
    for (; position_ < text_.size(); ++position_) {
      const char c = text_[position_];
      if (c == '"') {
        if (!skip_string()) return std::nullopt;
      } else if (c == '{' || c == '[') {
        if (++depth > nesting_depth_) return std::nullopt;
      } else if (c == '}' || c == ']') {
        if (--depth == 0) break;
      } else if (c == ',' && depth == 1) {
        break;
      } else if (c == '\0') {  // the parser would take it for the end
        return std::nullopt;
      }
    }
    return text_.substr(begin, position_ - begin);
  }

  /// From the opening to the closing quote.
  bool skip_string() {
    const char* const begin = text_.data() + position_ + 1;
    const char* const end = text_.data() + text_.size();
    const char* quote = find(begin, end, '"');
    if (find(begin, quote, '\\') != quote) quote = find_unescaped_quote(begin, end);
    if (quote == end || find(begin, quote, '\0') != quote) return false;
    position_ = static_cast<std::size_t>(quote - text_.data());
    return true;
  }

  static const char* find(const char* begin, const char* end, char c) {
    const void* const found = std::memchr(begin, c, static_cast<std::size_t>(end - begin));
    return found == nullptr ? end : static_cast<const char*>(found);
  }

  static const char* find_unescaped_quote(const char* begin, const char* end) {
    for (const char* each = begin; each < end; ++each) {
      if (*each == '"') return each;
      if (*each == '\\') ++each;
    }
    return end;
  }

  std::string_view text_;
  std::size_t nesting_depth_;
  std::size_t position_ = 0;
};

}  // namespace

bool scan_envelope(std::string_view text, std::size_t nesting_depth, Envelope& envelope) {
  return nesting_depth > 0 && Scanner(text, nesting_depth).scan(envelope);
}

}  // namespace mesh::wire
