#include <wire/usual_message.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <wire/field_limits.hpp>
#include <wire/json_bytes.hpp>
#include <wire/json_reader.hpp>

namespace mesh::wire {

namespace {

using std::chrono::milliseconds;

class UsualReader {
 public:
  explicit UsualReader(std::string_view text) : rest_(text) {}

  /// Where the compiler knows the length, it needs no loop.
  template <std::size_t Size>
  bool take(const char (&expected)[Size]) {  // NOLINT(modernize-avoid-c-arrays)
    constexpr std::size_t length = Size - 1;
    if (rest_.size() < length || std::memcmp(rest_.data(), expected, length) != 0) return false;
    rest_.remove_prefix(length);
    return true;
  }

  /// A text without escapes, up to the quote behind it.
  bool take_text(std::string_view& text, std::size_t longest) {
    const char* const begin = rest_.data();
    const char* const found = find_special(begin, begin + std::min(rest_.size(), longest + 1));
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
    number = 0;
    while (size < most && is_digit(rest_[size])) number = number * 10 + (rest_[size++] - '0');
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

bool read_request(UsualReader& reader, std::string_view request_id, std::size_t size,
                  const MeshLimits& limits, NodeMessage& message) {
  std::int64_t sender = 0;
  std::string_view type;
  std::int64_t timeout = 0;
  std::int64_t accepts = 0;
  std::int64_t deadline = -1;
  std::string_view data;
  if (!reader.take_number(sender)) return false;
  if (!reader.take(R"(,"type":")") || !reader.take_text(type, size)) return false;
  if (!reader.take(R"(,"timeoutMs":)") || !reader.take_number(timeout) || timeout == 0)
    return false;
  if (reader.take(R"(,"accepts":)") && !reader.take_number(accepts)) return false;
  if (reader.take(R"(,"deadlineMs":)") && !reader.take_number(deadline)) return false;
  const bool repeat = reader.take(R"(,"repeat":true)");
  if (!reader.take(R"(,"data":)") || !reader.take_data(data, limits.nesting_depth - 1))
    return false;

  auto& request = message.emplace<Request>();
  request.request_id = request_id;
  request.sender = sender;
  request.type = type;
  request.data = data;
  request.timeout = milliseconds(std::min(timeout, longest_time_in_ms));
  request.repeat = repeat;
  request.size = size;
  request.accepts = static_cast<unsigned>(accepts & known_accepts);
  if (deadline >= 0) request.deadline = milliseconds(std::min(deadline, longest_time_in_ms));
  return true;
}

bool read_response(UsualReader& reader, std::string_view request_id, const MeshLimits& limits,
                   NodeMessage& message) {
  std::string_view data;
  if (!reader.take_data(data, limits.nesting_depth - 1)) return false;
  auto& response = message.emplace<Response>();
  response.request_id = request_id;
  response.data = data;
  return true;
}

}  // namespace

bool read_usual_message(std::string_view text, const MeshLimits& limits, NodeMessage& message) {
  if (text.size() > limits.message_size) return false;
  UsualReader reader(text);
  std::string_view request_id;
  if (!reader.take(R"({"requestId":")") || !reader.take_text(request_id, longest_request_id)) {
    return false;
  }
  if (reader.take(R"(,"reply":true,"data":)")) {
    return read_response(reader, request_id, limits, message);
  }
  return reader.take(R"(,"senderInstanceId":)") &&
         read_request(reader, request_id, text.size(), limits, message);
}

}  // namespace mesh::wire
