#include <tracing/trace_state.hpp>

#include <algorithm>
#include <cstddef>

namespace mesh::tracing {

namespace {

constexpr std::size_t most_members = 32;
constexpr std::size_t longest_part = 256;  // a key, or a value

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_in_key(char c) {
  return is_lower_or_digit(c) || std::string_view("_-*/@").find(c) != std::string_view::npos;
}

bool is_key(std::string_view text) {
  return !text.empty() && text.size() <= longest_part && is_lower_or_digit(text.front()) &&
         std::ranges::all_of(text, is_in_key);
}

bool is_in_value(char c) { return c >= ' ' && c <= '~' && c != ',' && c != '='; }

bool is_value(std::string_view text) {
  return !text.empty() && text.size() <= longest_part && text.back() != ' ' &&
         std::ranges::all_of(text, is_in_value);
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
}

bool is_member(std::string_view text) {
  const std::size_t equals = text.find('=');
  return equals != std::string_view::npos && is_key(text.substr(0, equals)) &&
         is_value(text.substr(equals + 1));
}

}  // namespace

bool is_trace_state(std::string_view text) {
  std::size_t members = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view member = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (member.empty()) continue;  // which is allowed
    if (++members > most_members || !is_member(member)) return false;
  }
  return members > 0;
}

}  // namespace mesh::tracing
