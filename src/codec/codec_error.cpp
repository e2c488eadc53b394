#include <mesh/codec.hpp>

#include <utility>

namespace mesh {

namespace {

std::string describe(const std::string& path, const std::string& cause) {
  return path.empty() ? cause : "field " + path + ": " + cause;
}

/// As a part of a JSON pointer (RFC 6901).
std::string escaped(std::string_view key) {
  std::string text;
  for (const char c : key) {
    if (c == '~') {
      text += "~0";
    } else if (c == '/') {
      text += "~1";
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace

CodecError::CodecError(std::string path, std::string cause)
    : std::runtime_error(describe(path, cause)), path_(std::move(path)), cause_(std::move(cause)) {}

CodecError CodecError::inside(std::string_view key) const {
  std::string path = "/";
  path += escaped(key);
  path += path_;
  return {std::move(path), cause_};
}

}  // namespace mesh
