#include <payload.hpp>

#include <stdexcept>

namespace mesh::bench {

namespace {

constexpr std::size_t digits = 16;

}  // namespace

std::string make_payload(std::size_t size) {
  if (size < digits) throw std::invalid_argument("a payload has at least 16 bytes");
  std::string payload(size, '0');
  for (std::size_t i = digits; i < size; ++i) payload[i] = static_cast<char>('a' + i % 26);
  return payload;
}

void stamp(std::string& payload, std::uint64_t number) {
  constexpr std::string_view symbols = "0123456789abcdef";
  for (std::size_t i = digits; i-- > 0; number >>= 4U) payload[i] = symbols[number & 15U];
}

void require_echo(std::string_view payload, std::string_view answer) {
  if (answer.size() != payload.size() || answer.substr(0, digits) != payload.substr(0, digits)) {
    throw std::runtime_error("an answer is not the echo of its call");
  }
}

}  // namespace mesh::bench
