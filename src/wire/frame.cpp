#include <wire/frame.hpp>

#include <cstdint>

namespace mesh::wire {

namespace {

constexpr char begin_of_frame = '\x01';

// A length is written in groups of seven bits, the lowest ones first; all bytes but the last have
// their highest bit set.
constexpr unsigned bits_per_byte = 7;
constexpr std::size_t more_follow = std::size_t{1} << bits_per_byte;
constexpr std::size_t longest_length = 3;  // in bytes

}  // namespace

bool is_frame(std::string_view text) { return text.starts_with(begin_of_frame); }

void FrameWriter::make_room(std::size_t size) {
  text_.reserve(text_.size() + sizeof(begin_of_frame) + longest_length + size);
}

void FrameWriter::add(std::string_view message) {
  if (messages_ == 0) text_ = begin_of_frame;
  std::size_t length = message.size();
  for (; length >= more_follow; length /= more_follow) {
    text_ += static_cast<char>(length % more_follow + more_follow);
  }
  text_ += static_cast<char>(length);
  if (messages_ == 0) begin_of_first_ = text_.size();
  text_ += message;
  ++messages_;
}

std::string_view FrameWriter::text() const {
  const std::string_view text = text_;
  return messages_ == 1 ? text.substr(begin_of_first_) : text;
}

void FrameWriter::clear() {
  text_.clear();
  messages_ = 0;
}

std::optional<std::string_view> FrameReader::next() {
  if (rest_.empty()) return std::nullopt;
  const auto before = rest_;
  const auto length = take_length();
  if (!length || *length > rest_.size()) {
    rest_ = before;
    return std::nullopt;
  }
  const std::string_view message = rest_.substr(0, *length);
  rest_.remove_prefix(*length);
  return message;
}

std::optional<std::size_t> FrameReader::take_length() {
  std::size_t length = 0;
  for (std::size_t read = 0; read < longest_length && !rest_.empty(); ++read) {
    const std::size_t byte = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    length += (byte % more_follow) << (read * bits_per_byte);
    if (byte < more_follow) return length;
  }
  return std::nullopt;
}

}  // namespace mesh::wire
