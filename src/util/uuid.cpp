#include <util/uuid.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mesh {

namespace {

std::mt19937_64 make_seeded_engine() {
  std::random_device device;
  std::array<std::random_device::result_type, 8> seed{};
  for (auto& word : seed) word = device();
  std::seed_seq sequence(seed.begin(), seed.end());
  return std::mt19937_64(sequence);
}

/// The two hexadecimal digits of each byte.
constexpr auto digits_of_bytes = [] {
  constexpr std::string_view digits = "0123456789abcdef";
  std::array<std::array<char, 2>, 256> all{};
  for (std::size_t byte = 0; byte < all.size(); ++byte) {
    all.at(byte) = {digits[byte / 16], digits[byte % 16]};
  }
  return all;
}();

/// Writes `count` of the 8 bytes of a number, the highest first, from the `first` on.
char* write_hex(char* place, std::uint64_t number, unsigned count, unsigned first) {
  for (unsigned i = first; i < first + count; ++i) {
    const auto& digits = digits_of_bytes[(number >> (56U - 8U * i)) & 255U];  // NOLINT
    *place++ = digits[0];
    *place++ = digits[1];
  }
  return place;
}

}  // namespace

UuidGenerator::Text UuidGenerator::next_text() {
  constexpr std::uint64_t version_mask = 0xF000;
  constexpr std::uint64_t version_4 = 0x4000;
  constexpr std::uint64_t variant_mask = std::uint64_t{3} << 62U;
  constexpr std::uint64_t variant_of_rfc_4122 = std::uint64_t{2} << 62U;
  if (!random_) random_ = make_seeded_engine();
  const std::uint64_t high = ((*random_)() & ~version_mask) | version_4;
  const std::uint64_t low = ((*random_)() & ~variant_mask) | variant_of_rfc_4122;

  Text text{};
  text.fill('-');
  char* next = text.data();
  next = write_hex(next, high, 4, 0);
  next = write_hex(next + 1, high, 2, 4);
  next = write_hex(next + 1, high, 2, 6);
  next = write_hex(next + 1, low, 2, 0);
  write_hex(next + 1, low, 6, 2);
  return text;
}

}  // namespace mesh
