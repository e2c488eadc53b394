#include <util/uuid.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace mesh {

namespace {

std::mt19937_64 make_seeded_engine() {
  std::random_device device;
  std::array<std::random_device::result_type, 8> seed{};
  for (auto& word : seed) word = device();
  std::seed_seq sequence(seed.begin(), seed.end());
  return std::mt19937_64(sequence);
}

/// Eight hexadecimal digits, of which the order is of no matter as the number is a random one, all
/// at once in the bytes of a word.
std::array<char, 8> hex_digits_of(std::uint32_t number) {
  constexpr std::uint64_t ones = 0x0101010101010101U;
  constexpr std::uint64_t low_halves = 0x0F * ones;
  std::uint64_t halves = number;
  halves = (halves | halves << 16U) & 0x0000FFFF0000FFFFU;
  halves = (halves | halves << 8U) & 0x00FF00FF00FF00FFU;
  halves = (halves | halves << 4U) & low_halves;
  const std::uint64_t letters = ((halves + 6 * ones) >> 4U) & ones;
  const std::uint64_t digits = halves + '0' * ones + ('a' - '0' - 10) * letters;
  return std::bit_cast<std::array<char, 8>>(digits);
}

}  // namespace

UuidGenerator::Text UuidGenerator::next_text() {
  if (!random_) random_ = make_seeded_engine();
  const std::uint64_t first = (*random_)();
  const std::uint64_t second = (*random_)();
  const std::array<std::array<char, 8>, 4> digits{
      hex_digits_of(static_cast<std::uint32_t>(first)),
      hex_digits_of(static_cast<std::uint32_t>(first >> 32U)),
      hex_digits_of(static_cast<std::uint32_t>(second)),
      hex_digits_of(static_cast<std::uint32_t>(second >> 32U))};

  Text text{};
  char* const place = text.data();
  std::memcpy(place, digits[0].data(), 8);
  std::memcpy(place + 9, digits[1].data(), 4);
  std::memcpy(place + 14, digits[1].data() + 4, 4);
  std::memcpy(place + 19, digits[2].data(), 4);
  std::memcpy(place + 24, digits[2].data() + 4, 4);
  std::memcpy(place + 28, digits[3].data(), 8);
  for (const std::size_t dash : {8U, 13U, 18U, 23U}) text[dash] = '-';  // NOLINT
  text[14] = '4';                                                       // the version, random
  text[19] = "89ab"[second % 4];                                        // the variant, of RFC 4122
  return text;
}

}  // namespace mesh
