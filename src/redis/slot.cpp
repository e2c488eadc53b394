#include <redis/slot.hpp>

namespace mesh::redis {

namespace {

std::string_view hashed_part(std::string_view name) {
  const auto open = name.find('{');
  if (open == std::string_view::npos) return name;
  const auto close = name.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) return name;
  return name.substr(open + 1, close - open - 1);
}

/// XMODEM's. That of Boost is a part that projects may have left out which build their own Boost.
std::uint16_t crc16(std::string_view text) {
  constexpr std::uint32_t polynomial = 0x11021;
  constexpr std::uint32_t highest_bit = 0x8000;
  std::uint32_t crc = 0;
  for (const char character : text) {
    crc ^= static_cast<std::uint32_t>(static_cast<unsigned char>(character)) << 8U;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & highest_bit) != 0 ? (crc << 1U) ^ polynomial : crc << 1U;
    }
  }
  return static_cast<std::uint16_t>(crc);
}

}  // namespace

std::uint16_t slot_of(std::string_view name) {
  return static_cast<std::uint16_t>(crc16(hashed_part(name)) % slot_count);
}

}  // namespace mesh::redis
