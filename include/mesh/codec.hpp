#pragma once

#include <concepts>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace mesh {

/// How a payload becomes JSON text and is read again. Specialize it for a type of your own, for
/// speed or for another library:
///
///     template <> struct mesh::Codec<Price> {
///       static void encode(const Price& value, std::string& out);
///       static Price decode(std::string_view json);
///     };
///
/// `encode` appends exactly one JSON value in UTF-8 to `out`, which may hold something already, and
/// is checked to have done so. `decode` gets exactly one JSON value, which is good only during the
/// call; half a surrogate pair in an escape, such as `\ud83d`, is possible. Both may throw anything
/// derived from `std::exception`: the text reaches the user in a `MeshEncodeError` or
/// `MeshDecodeError`, and who throws `CodecError` names the field as well. They are called on the
/// threads of callers and handlers, several at a time. Neither needs the type to be copyable or
/// default-constructible.
///
/// `<mesh/codec/nlohmann.hpp>`, which is part of `<mesh/mesh.hpp>`, defines it for all types that
/// nlohmann_json converts. With `<mesh/core.hpp>` alone only those have one that you give one, and
/// `mesh::Bytes`.
template <typename T>
struct Codec;

/// What a codec may throw to say which field was wrong.
class CodecError : public std::runtime_error {
 public:
  /// `path` is a JSON pointer to the field, such as "/items/2/price"; empty for the value itself.
  CodecError(std::string path, std::string cause);

  const std::string& path() const noexcept { return path_; }
  const std::string& cause() const noexcept { return cause_; }
  /// The same fault, seen from the value that has the faulty one as its member `key`, or as the
  /// element with that number.
  CodecError inside(std::string_view key) const;

 private:
  std::string path_;
  std::string cause_;
};

namespace detail {

template <typename T>
concept HasEncoder = requires(const T& value, std::string& out) {
  Codec<T>::encode(value, out);
};

template <typename T>
concept HasDecoder = requires(std::string_view json) {
  { Codec<T>::decode(json) } -> std::convertible_to<T>;
};

/// A payload in either direction; `void` is none at all.
template <typename T>
concept Payload = std::is_void_v<T> ||(HasEncoder<T>&& HasDecoder<T>);

/// Base of codecs of ours, which need no check of what they write.
struct TrustedCodec {};

}  // namespace detail
}  // namespace mesh
