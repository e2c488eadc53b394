#include <redis/command.hpp>

#include <algorithm>
#include <charconv>

namespace mesh::redis {

namespace {

constexpr std::string_view line_end = "\r\n";

char* write(char* place, std::string_view text) {
  return std::copy(text.begin(), text.end(), place);
}

/// "*3" or "$17", with the end of the line.
char* write_length(char* place, char kind, std::size_t length) {
  constexpr std::size_t most_digits = 20;
  *place++ = kind;
  place = std::to_chars(place, place + most_digits, length).ptr;
  return write(place, line_end);
}

}  // namespace

std::size_t append_command(std::string& bytes, std::span<const std::string_view> words) {
  constexpr std::size_t most_around_a_word = 25;
  std::size_t most = most_around_a_word;
  for (const std::string_view word : words) most += word.size() + most_around_a_word;
  const std::size_t begin = bytes.size();
  // By doubling, which resize() alone need not do.
  if (bytes.capacity() < begin + most) bytes.reserve(std::max(begin + most, 2 * begin));
  bytes.resize(begin + most);
  char* place = write_length(bytes.data() + begin, '*', words.size());
  for (const std::string_view word : words) {
    place = write_length(place, '$', word.size());
    place = write(place, word);
    place = write(place, line_end);
  }
  const auto end = static_cast<std::size_t>(place - bytes.data());
  bytes.resize(end);
  return end - begin;
}

Command::Command(std::span<const std::string_view> words) { append_command(bytes_, words); }

std::string_view Command::name() const {
  std::string_view rest = bytes_;
  rest.remove_prefix(rest.find('$'));
  rest.remove_prefix(rest.find('\n') + 1);
  return rest.substr(0, rest.find('\r'));
}

}  // namespace mesh::redis
