#include <redis/stranger.hpp>

#include <array>
#include <cstddef>

namespace mesh::redis {

namespace {

struct Sign {
  std::string_view beginning;
  std::string_view protocol;
};

constexpr std::array signs{
    Sign{"HTTP/", "HTTP"},
    Sign{"\x15\x03", "TLS (RedisOptions::tls is for that)"},
    Sign{"\x16\x03", "TLS (RedisOptions::tls is for that)"},
    Sign{"SSH-", "SSH"},
    Sign{"220", "SMTP or FTP"},
    Sign{"ERROR\r\n", "the protocol of memcached"},
};

// Of one line, and no more of it than a log line bears.
std::string quote(std::string_view bytes) {
  constexpr std::size_t most = 40;
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes.substr(0, bytes.find_first_of("\r\n")).substr(0, most)) {
    const auto value = static_cast<unsigned char>(byte);
    if (value >= 0x20 && value < 0x7f) {
      text += byte;
    } else {
      text += {'\\', 'x', digits[value / 16], digits[value % 16]};
    }
  }
  return '"' + text + '"';
}

}  // namespace

std::string describe_stranger(const std::string& address, std::string_view first_bytes) {
  const std::string beginning = "what answers at " + address + " is not Redis: ";
  for (const Sign& sign : signs) {
    if (!first_bytes.starts_with(sign.beginning)) continue;
    return beginning + "it speaks " + std::string(sign.protocol) + ", " + quote(first_bytes);
  }
  return beginning + "it says " + quote(first_bytes);
}

}  // namespace mesh::redis
