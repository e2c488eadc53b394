#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// What bytes mean in the strings of JSON.
namespace mesh::wire {

/// Whether the byte does not stand for itself between quotes, or may not: a quote, a backslash, a
/// control character, or a part of one that is not ASCII.
inline bool is_special(char c) {
  return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x80 ||
         c == '"' || c == '\\';
}

/// The first special byte, or `end`. Looks at eight bytes at a time: for short texts.
inline const char* find_special_by_words(const char* begin, const char* end) {
  constexpr std::uint64_t ones = 0x0101010101010101U;
  constexpr std::uint64_t highest_bits = 0x8080808080808080U;
  for (; end - begin >= 8; begin += 8) {
    // What is next to a special byte may be taken for one as well; none is missed.
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, begin, sizeof(bytes));
    const std::uint64_t quotes = bytes ^ (ones * '"');
    const std::uint64_t backslashes = bytes ^ (ones * '\\');
    const std::uint64_t found =
        ((bytes - ones * 0x20) | (quotes - ones) | (backslashes - ones) | bytes) & highest_bits;
    if (found == 0) continue;
    if constexpr (std::endian::native == std::endian::little) {
      return begin + std::countr_zero(found) / 8;  // nothing special comes before it
    } else {
      break;
    }
  }
  while (begin != end && !is_special(*begin)) ++begin;
  return begin;
}

#if defined(__SSE2__)
/// The first special byte, or `end`: 16 at a time.
inline const char* find_special_by_vectors(const char* begin, const char* end) {
  for (; end - begin >= 16; begin += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(begin));
    const __m128i quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    const __m128i backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    // As bytes have signs there, those that are not ASCII are less than a space as well.
    const __m128i others = _mm_cmplt_epi8(bytes, _mm_set1_epi8(' '));
    const auto found = static_cast<unsigned>(
        _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, backslashes), others)));
    if (found != 0) return begin + std::countr_zero(found);
  }
  return find_special_by_words(begin, end);
}
#endif

/// The same for long texts, in portable code that compilers make vector code of.
const char* find_special_in_blocks(const char* begin, const char* end);

/// The first special byte, or `end`.
inline const char* find_special(const char* begin, const char* end) {
  constexpr std::ptrdiff_t usual_size = 96;
  const char* const usual_end = end - begin > usual_size ? begin + usual_size : end;
#if defined(__SSE2__)
  const char* const found = find_special_by_vectors(begin, usual_end);
#else
  const char* const found = find_special_by_words(begin, usual_end);
#endif
  return found != usual_end || found == end ? found : find_special_in_blocks(found, end);
}

/// Whether the text stands for itself between quotes.
inline bool needs_no_escapes(std::string_view text) {
  const char* const end = text.data() + text.size();
  return find_special(text.data(), end) == end;
}

/// How many bytes the well-formed UTF-8 character takes that is not ASCII; 0 if there is none.
std::size_t utf8_size(const char* begin, const char* end);

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace mesh::wire
