#include <redis/slot.hpp>

#include <boost/crc.hpp>

namespace mesh::redis {

namespace {

std::string_view hashed_part(std::string_view name) {
  const auto open = name.find('{');
  if (open == std::string_view::npos) return name;
  const auto close = name.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) return name;
  return name.substr(open + 1, close - open - 1);
}

}  // namespace

std::uint16_t slot_of(std::string_view name) {
  const std::string_view part = hashed_part(name);
  boost::crc_optimal<16, 0x1021, 0, 0, false, false> crc;  // XMODEM's
  crc.process_bytes(part.data(), part.size());
  return static_cast<std::uint16_t>(crc.checksum() % slot_count);
}

}  // namespace mesh::redis
