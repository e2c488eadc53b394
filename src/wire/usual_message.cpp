#include <wire/usual_message.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <wire/field_limits.hpp>
#include <wire/json_bytes.hpp>
#include <wire/json_reader.hpp>

namespace mesh::wire {

namespace {

class UsualReader {
 public:
  explicit UsualReader(std::string_view text) : rest_(text) {}

  /// Where the compiler knows the length, it needs no loop.
  template <std::size_t Size>
  bool take(const char (&expected)[Size]) {
    constexpr std::size_t length = Size - 1;
    if (rest_.size() < length || std::memcmp(rest_.data(), expected, length) != 0) return false;
    rest_.remove_prefix(length);
    return true;
  }

  bool take(std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }

  std::string_view rest() const { return rest_; }

  /// A text without escapes, up to the quote behind it.
  bool take_text(std::string_view& text) {
    const char* const begin = rest_.data();
    const char* const found = find_special(begin, begin + rest_.size());
    const auto size = static_cast<std::size_t>(found - begin);
    if (size == rest_.size() || *found != '"') return false;
    text = rest_.substr(0, size);
    rest_.remove_prefix(size + 1);
    return true;
  }

  /// Of few digits.
  bool take_number(std::int64_t& number) {
    const std::size_t most = std::min(rest_.size(), most_exact_digits);
    std::size_t size = 0;
    std::int64_t value = 0;
    while (size < most && is_digit(rest_[size])) value = value * 10 + (rest_[size++] - '0');
    number = value;
    if (size == 0 || (size > 1 && rest_.front() == '0')) return false;
    rest_.remove_prefix(size);
    return true;
  }

  /// The value that is the last of the message.
  bool take_data(std::string_view& data, std::size_t most_levels) {
    JsonLexer lexer(rest_);
    const char first = lexer.peek();
    if (first == ' ' || first == '\n' || first == '\r' || first == '\t') return false;
    if (skip_json_value(lexer, most_levels) != JsonVerdict::good) return false;
    data = lexer.read_since(0);
    return lexer.take('}') && lexer.is_at_end();
  }

 private:
  std::string_view rest_;
};

bool take_middle(UsualReader& reader, UsualMessage& message) {
  if (!reader.take(R"(,"senderInstanceId":)")) return false;
  if (!reader.take_number(message.sender)) return false;
  if (!reader.take(R"(,"type":")") || !reader.take_text(message.type)) return false;
  if (!reader.take(R"(,"timeoutMs":)") || !reader.take_number(message.timeout_in_ms)) return false;
  if (message.timeout_in_ms == 0) return false;
  if (reader.take(R"(,"accepts":)") && !reader.take_number(message.accepts)) return false;
  if (reader.take(R"(,"deadlineMs":)") && !reader.take_number(message.deadline_in_ms.emplace())) {
    return false;
  }
  message.repeat = reader.take(R"(,"repeat":true)");
  return reader.take(R"(,"data":)");
}

void remember(std::string_view middle, const UsualMessage& message, LastRequest& last) {
  if (message.deadline_in_ms || message.repeat) return;  // the next one says something else
  constexpr std::size_t most_kept = 512;
  if (middle.size() > most_kept) return;
  // First and last, in case that memory ends between.
  last.text.clear();
  last.type = message.type;
  last.sender = message.sender;
  last.timeout_in_ms = message.timeout_in_ms;
  last.accepts = message.accepts;
  last.text = middle;
}

bool read_request(UsualReader& reader, const MeshLimits& limits, LastRequest& last,
                  UsualMessage& message) {
  if (!last.text.empty() && reader.take(last.text)) {
    message.type = last.type;
    message.sender = last.sender;
    message.timeout_in_ms = last.timeout_in_ms;
    message.accepts = last.accepts;
  } else {
    const std::string_view before = reader.rest();
    if (!take_middle(reader, message)) return false;
    remember(before.substr(0, before.size() - reader.rest().size()), message, last);
  }
  return reader.take_data(message.data, limits.nesting_depth - 1);
}

}  // namespace

bool read_usual_message(std::string_view text, const MeshLimits& limits, LastRequest& last,
                        UsualMessage& message) {
  if (text.size() > limits.message_size) return false;
  UsualReader reader(text);
  if (!reader.take(R"({"requestId":")") || !reader.take_text(message.request_id)) return false;
  if (message.request_id.size() > longest_request_id) return false;
  message.is_response = reader.take(R"(,"reply":true,"data":)");
  if (message.is_response) return reader.take_data(message.data, limits.nesting_depth - 1);
  return read_request(reader, limits, last, message);
}

}  // namespace mesh::wire
