#include <mesh/bytes.hpp>

#include <algorithm>
#include <array>
#include <cstdint>

#include <wire/json_lexer.hpp>
#include <wire/json_string.hpp>

namespace mesh {

namespace {

constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t no_digit = 0xFF;

constexpr std::array<std::uint8_t, 256> make_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(no_digit);
  for (std::size_t i = 0; i < digits.size(); ++i) {
    values[static_cast<unsigned char>(digits[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}

constexpr auto values = make_values();

/// Up to three bytes as the upper bits of 24.
std::uint32_t bits_of(std::span<const std::byte> bytes) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    bits = (bits << 8U) | (i < bytes.size() ? std::to_integer<std::uint32_t>(bytes[i]) : 0U);
  }
  return bits;
}

void append_base64(std::string& out, std::span<const std::byte> bytes) {
  for (; !bytes.empty(); bytes = bytes.subspan(std::min<std::size_t>(3, bytes.size()))) {
    const std::uint32_t bits = bits_of(bytes);
    out += digits[bits >> 18U];
    out += digits[(bits >> 12U) & 63U];
    out += bytes.size() > 1 ? digits[(bits >> 6U) & 63U] : '=';
    out += bytes.size() > 2 ? digits[bits & 63U] : '=';
  }
}

/// Of four characters, the last of which may be padding.
bool append_quad(std::vector<std::byte>& bytes, std::string_view quad, std::size_t padding) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const bool is_padding = i >= 4 - padding;
    const std::uint8_t value =
        is_padding ? std::uint8_t{0} : values[static_cast<unsigned char>(quad[i])];
    if (value == no_digit) return false;
    bits = (bits << 6U) | value;
  }
  const std::uint32_t unused = padding == 0 ? 0U : (padding == 1 ? 0xFFU : 0xFFFFU);
  if ((bits & unused) != 0) return false;  // each byte has one text only
  for (std::size_t i = 0; i < 3 - padding; ++i) {
    bytes.push_back(static_cast<std::byte>(bits >> (16U - 8U * i)));
  }
  return true;
}

bool parse_base64(std::string_view text, std::vector<std::byte>& bytes) {
  if (text.size() % 4 != 0) return false;
  bytes.reserve(text.size() / 4 * 3);
  while (!text.empty()) {
    std::size_t padding = 0;
    if (text.size() == 4 && text[3] == '=') padding = text[2] == '=' ? 2 : 1;
    if (!append_quad(bytes, text.substr(0, 4), padding)) return false;
    text.remove_prefix(4);
  }
  return true;
}

}  // namespace

Bytes::Bytes(std::string_view characters)
    : Bytes(std::as_bytes(std::span(characters.data(), characters.size()))) {}

std::string_view Bytes::characters() const noexcept {
  // What char may always do.
  return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};  // NOLINT
}

void Codec<Bytes>::encode(const Bytes& value, std::string& out) {
  out.reserve(out.size() + (value.size() + 2) / 3 * 4 + 2);
  out += '"';
  append_base64(out, value.get());
  out += '"';
}

Bytes Codec<Bytes>::decode(std::string_view json) {
  wire::JsonLexer lexer(json);
  wire::JsonString string;
  lexer.skip_space();
  const bool is_string = lexer.take_string(string);
  lexer.skip_space();
  std::vector<std::byte> bytes;
  const bool is_base64 = is_string && lexer.is_at_end() &&
                         // JavaScript and others may write "/" as "\/".
                         (string.has_escapes ? parse_base64(wire::unescape(string), bytes)
                                             : parse_base64(string.written, bytes));
  if (!is_base64) throw CodecError({}, "bytes must be a string in Base64");
  return Bytes(std::move(bytes));
}

}  // namespace mesh
