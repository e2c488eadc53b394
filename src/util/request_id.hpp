#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>

namespace mesh {

/// The id of a request, which others may choose as they like; usually a uuid, which is held without
/// an allocation. Its hash is computed once, as it is looked up several times.
class RequestId {
 public:
  RequestId() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): it stands for the text
  RequestId(std::string_view text) : hash_(text.empty() ? 0 : std::hash<std::string_view>()(text)) {
    if (text.size() <= inline_size) {
      size_ = static_cast<std::uint8_t>(text.size());
      std::copy(text.begin(), text.end(), chars_.begin());
    } else {
      long_ = std::make_shared<const std::string>(text);
    }
  }
  RequestId(const std::string& text) : RequestId(std::string_view(text)) {}  // NOLINT
  RequestId(const char* text) : RequestId(std::string_view(text)) {}         // NOLINT

  std::string_view view() const {
    return long_ ? std::string_view(*long_) : std::string_view(chars_.data(), size_);
  }

  std::size_t hash() const noexcept { return hash_; }

  friend bool operator==(const RequestId& left, const RequestId& right) {
    return left.hash_ == right.hash_ && left.view() == right.view();
  }
  friend std::ostream& operator<<(std::ostream& stream, const RequestId& id) {
    return stream << id.view();
  }

 private:
  static constexpr std::size_t inline_size = 39;

  std::array<char, inline_size> chars_{};
  std::uint8_t size_ = 0;
  std::shared_ptr<const std::string> long_{};
  std::size_t hash_ = 0;
};

}  // namespace mesh

template <>
struct std::hash<mesh::RequestId> {
  std::size_t operator()(const mesh::RequestId& id) const noexcept { return id.hash(); }
};
