#include <redis/command.hpp>

#include <algorithm>
#include <array>
#include <charconv>

#include <redis/line_end.hpp>

namespace mesh::redis {

namespace {

constexpr std::size_t most_around_a_word = 25;

// Up to the length of the channel.
constexpr std::string_view begin_of_publish = "*3\r\n$7\r\nPUBLISH\r\n$";
constexpr std::string_view begin_of_sharded_publish = "*3\r\n$8\r\nSPUBLISH\r\n$";

/// By doubling, which reserve() alone need not do.
void make_room(std::string& bytes, std::size_t size) {
  const std::size_t needed = bytes.size() + size;
  if (bytes.capacity() < needed) bytes.reserve(std::max(needed, 2 * bytes.size()));
}

// Both put something at a place where there is room, and return the place behind it.

char* put(char* place, std::string_view text) { return std::copy(text.begin(), text.end(), place); }

char* put(char* place, std::size_t length) {
  place = std::to_chars(place, place + most_around_a_word, length).ptr;
  return put(place, line_end);
}

/// Appends "*3" or "$17", with the end of the line and that of the one before.
void append_length(std::string& bytes, std::string_view before, char kind, std::size_t length) {
  std::array<char, 2 * most_around_a_word> line;
  char* place = put(line.data(), before);
  *place++ = kind;
  bytes.append(line.data(), put(place, length));
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

std::size_t append_publish(std::string& bytes, std::string_view channel, std::string_view message,
                           ChannelKind kind) {
  const std::size_t begin = bytes.size();
  const std::size_t before_message =
      channel.size() + begin_of_sharded_publish.size() + 2 * most_around_a_word;
  make_room(bytes, before_message + message.size() + line_end.size());
  bytes.resize(begin + before_message);
  char* place = bytes.data() + begin;
  // Each of a size that is known to the compiler.
  place = kind == ChannelKind::classic ? put(place, begin_of_publish)
                                       : put(place, begin_of_sharded_publish);
  place = put(put(place, channel.size()), channel);
  place = put(put(place, "\r\n$"), message.size());
  bytes.resize(static_cast<std::size_t>(place - bytes.data()));
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
