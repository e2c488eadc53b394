#include <redis/reply_scanner.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>

#include <redis/line_end.hpp>

namespace mesh::redis {

namespace {

constexpr std::size_t longest_head = 32;  // such as "$12345\r\n"
constexpr std::size_t deepest = 7;        // what every hiredis reads

/// A length as Redis writes it, -1 being that of nil.
std::optional<std::int64_t> parse_length(std::string_view digits) {
  std::int64_t length = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  const bool is_whole = result.ec == std::errc{} && result.ptr == digits.data() + digits.size();
  const bool has_leading_zero = digits.size() > 1 && digits.front() == '0';
  if (!is_whole || has_leading_zero || length < -1) return std::nullopt;
  return length;
}

}  // namespace

std::size_t ReplyScanner::scan(std::string_view bytes) {
  std::size_t position = 0;
  while (position < bytes.size() && objection_.empty()) {
    if (text_left_ > 0) {
      const std::size_t size = std::min(text_left_, bytes.size() - position);
      position += size;
      text_left_ -= size;
      if (text_left_ == 0) end_element();
    } else {
      position += scan_line(bytes.substr(position));
    }
    if (is_between_replies()) break;
  }
  return position;
}

std::size_t ReplyScanner::scan_line(std::string_view bytes) {
  const std::size_t newline = bytes.find('\n');
  const std::size_t size = newline == std::string_view::npos ? bytes.size() : newline + 1;
  const char before = size > 1 ? bytes[size - 2] : last_;
  last_ = bytes[size - 1];
  count(size);
  line_ += bytes.substr(0, std::min(size, longest_head - line_.size()));
  if (last_ == '\n' && before == '\r' && objection_.empty()) end_line();
  return size;
}

void ReplyScanner::end_line() {
  const char type = line_.front();
  const std::size_t size = line_.size() < longest_head ? line_.size() - line_end.size() : 1;
  const auto length = parse_length(std::string_view(line_).substr(1, size - 1));
  line_.clear();
  last_ = '\0';
  if (type == '+' || type == '-' || type == ':') return end_element();
  if ((type != '$' && type != '*') || !length) {
    objection_ = "bytes that are not the protocol of Redis";
  } else if (*length < 0) {
    end_element();
  } else if (type == '*') {
    begin_array(*length);
  } else {
    text_left_ = static_cast<std::size_t>(*length) + line_end.size();
    count(text_left_);
  }
}

void ReplyScanner::begin_array(std::int64_t length) {
  if (length == 0) return end_element();
  if (elements_.size() == deepest) {
    objection_ = "a reply that is nested deeper than any that is asked for";
    return;
  }
  elements_.push_back(length);
}

void ReplyScanner::end_element() {
  while (!elements_.empty() && --elements_.back() == 0) elements_.pop_back();
  if (elements_.empty()) size_ = 0;
}

void ReplyScanner::count(std::size_t bytes) {
  size_ += bytes;
  if (size_ <= largest_) return;
  objection_ = "a reply of at least " + std::to_string(size_) +
               " bytes, which is more than any that is asked for";
}

}  // namespace mesh::redis
