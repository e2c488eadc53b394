#include <redis/command.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace mesh::redis {

namespace {

constexpr std::string_view line_end = "\r\n";

/// "*3" or "$17", with the end of the line.
void append_length(std::string& bytes, char kind, std::size_t length) {
  std::array<char, 24> line{kind};
  char* end = std::to_chars(line.begin() + 1, line.end(), length).ptr;
  end = std::copy(line_end.begin(), line_end.end(), end);
  bytes.append(line.begin(), end);
}

}  // namespace

Command::Command(std::span<const std::string_view> words) {
  constexpr std::size_t most_around_a_word = 24;
  std::size_t size = most_around_a_word;
  for (const std::string_view word : words) size += word.size() + most_around_a_word;
  bytes_.reserve(size);
  append_length(bytes_, '*', words.size());
  for (const std::string_view word : words) {
    append_length(bytes_, '$', word.size());
    bytes_ += word;
    bytes_ += line_end;
  }
}

std::string_view Command::name() const {
  std::string_view rest = bytes_;
  rest.remove_prefix(rest.find('$'));
  rest.remove_prefix(rest.find('\n') + 1);
  return rest.substr(0, rest.find('\r'));
}

}  // namespace mesh::redis
