#include <wire/json_bytes.hpp>

namespace mesh::wire {

namespace {

bool is_between(char c, unsigned char first, unsigned char last) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= first && byte <= last;
}

bool continues(char c) { return is_between(c, 0x80, 0xBF); }

/// Whether the second byte fits: neither more bytes than needed, nor half a surrogate pair, nor a
/// character beyond the last one (the Unicode standard, table 3-7).
bool second_fits(char first, char second) {
  switch (static_cast<unsigned char>(first)) {
    case 0xE0:
      return is_between(second, 0xA0, 0xBF);
    case 0xED:
      return is_between(second, 0x80, 0x9F);
    case 0xF0:
      return is_between(second, 0x90, 0xBF);
    case 0xF4:
      return is_between(second, 0x80, 0x8F);
    default:
      return continues(second);
  }
}

// With optimization it becomes vector code.
constexpr std::ptrdiff_t block_size = 64;

bool has_special_in_block(const char* begin) {
  unsigned char found = 0;
  for (std::ptrdiff_t i = 0; i < block_size; ++i) {
    found |= static_cast<unsigned char>(is_special(begin[i]));
  }
  return found != 0;
}

}  // namespace

const char* find_special_in_blocks(const char* begin, const char* end) {
  while (end - begin >= block_size && !has_special_in_block(begin)) begin += block_size;
  return find_special_by_words(begin, end);
}

std::size_t utf8_size(const char* begin, const char* end) {
  const auto left = end - begin;
  if (left < 2) return 0;
  if (is_between(*begin, 0xC2, 0xDF)) return continues(begin[1]) ? 2 : 0;
  if (left < 3 || !second_fits(begin[0], begin[1]) || !continues(begin[2])) return 0;
  if (is_between(*begin, 0xE0, 0xEF)) return 3;
  return is_between(*begin, 0xF0, 0xF4) && left >= 4 && continues(begin[3]) ? 4 : 0;
}

}  // namespace mesh::wire
