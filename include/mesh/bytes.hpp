#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mesh/codec.hpp>

namespace mesh {

/// A payload of raw bytes, such as a MessagePack or Protobuf message. On the wire it is a string in
/// Base64 (RFC 4648, with padding), a third longer than the bytes.
class Bytes {
 public:
  Bytes() = default;
  explicit Bytes(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
  /// Copies them.
  explicit Bytes(std::span<const std::byte> bytes) : bytes_(bytes.begin(), bytes.end()) {}
  /// Copies the characters as they are.
  explicit Bytes(std::string_view characters);

  std::vector<std::byte>& get() noexcept { return bytes_; }
  const std::vector<std::byte>& get() const noexcept { return bytes_; }
  const std::byte* data() const noexcept { return bytes_.data(); }
  std::size_t size() const noexcept { return bytes_.size(); }
  bool empty() const noexcept { return bytes_.empty(); }
  /// The bytes as characters; good until they change.
  std::string_view characters() const noexcept;

  friend bool operator==(const Bytes&, const Bytes&) = default;

 private:
  std::vector<std::byte> bytes_;
};

template <>
struct Codec<Bytes> : detail::TrustedCodec {
  static void encode(const Bytes& value, std::string& out);
  /// Throws `CodecError` for what is not a string in Base64.
  static Bytes decode(std::string_view json);
};

}  // namespace mesh
