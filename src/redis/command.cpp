#include <redis/command.hpp>

#include <algorithm>
#include <array>
#include <charconv>

#include <redis/line_end.hpp>

namespace mesh::redis {

namespace {

constexpr std::size_t most_around_a_word = 25;

// Before the length of the channel.
constexpr std::string_view begin_of_publish = "*3\r\n$7\r\nPUBLISH\r\n";

/// By doubling, which reserve() alone need not do.
void make_room(std::string& bytes, std::size_t size) {
  const std::size_t needed = bytes.size() + size;
  if (bytes.capacity() < needed) bytes.reserve(std::max(needed, 2 * bytes.size()));
}

/// Appends "*3" or "$17", with the end of the line and that of the one before.
void append_length(std::string& bytes, std::string_view before, char kind, std::size_t length) {
  std::array<char, most_around_a_word + begin_of_publish.size()> line;
  char* place = std::copy(before.begin(), before.end(), line.data());
  *place++ = kind;
  place = std::to_chars(place, line.data() + line.size(), length).ptr;
  place = std::copy(line_end.begin(), line_end.end(), place);
  bytes.append(line.data(), place);
}

}  // namespace

std::size_t append_command(std::string& bytes, std::span<const std::string_view> words) {
  std::size_t most = most_around_a_word;
  for (const std::string_view word : words) most += word.size() + most_around_a_word;
  const std::size_t begin = bytes.size();
  make_room(bytes, most);
  append_length(bytes, {}, '*', words.size());
  std::string_view before;
  for (const std::string_view word : words) {
    append_length(bytes, before, '$', word.size());
    bytes += word;
    before = line_end;
  }
  bytes += before;
  return bytes.size() - begin;
}

std::size_t append_publish(std::string& bytes, std::string_view channel, std::string_view message) {
  const std::size_t begin = bytes.size();
  make_room(bytes,
            channel.size() + message.size() + begin_of_publish.size() + 3 * most_around_a_word);
  append_length(bytes, begin_of_publish, '$', channel.size());
  bytes += channel;
  append_length(bytes, line_end, '$', message.size());
  bytes += message;
  bytes += line_end;
  return bytes.size() - begin;
}

Command::Command(std::span<const std::string_view> words) { append_command(bytes_, words); }

std::string_view Command::name() const {
  std::string_view rest = bytes_;
  rest.remove_prefix(rest.find('$'));
  rest.remove_prefix(rest.find('\n') + 1);
  return rest.substr(0, rest.find('\r'));
}

}  // namespace mesh::redis
