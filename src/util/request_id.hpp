#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
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
  RequestId(std::string_view text) {
    if (text.empty()) return;
    if (text.size() <= inline_size) {
      chars_.back() = static_cast<char>(text.size());
      std::memcpy(chars_.data(), text.data(), text.size());
      hash_ = hash_of_chars();
    } else {
      long_ = std::make_shared<const std::string>(text);
      hash_ = std::hash<std::string_view>()(text);
    }
  }
  RequestId(const std::string& text) : RequestId(std::string_view(text)) {}  // NOLINT
  RequestId(const char* text) : RequestId(std::string_view(text)) {}         // NOLINT

  std::string_view view() const {
    return long_ ? std::string_view(*long_) : std::string_view(chars_.data(), inline_length());
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

  std::size_t inline_length() const { return static_cast<unsigned char>(chars_.back()); }

  /// Of few and always as many words, which takes a quarter of the time of std::hash.
  std::size_t hash_of_chars() const {
    constexpr std::uint64_t odd = 0x9E3779B97F4A7C15U;  // of the golden ratio
    std::uint64_t hash = 0;
    for (std::size_t i = 0; i < chars_.size(); i += sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      std::memcpy(&word, chars_.data() + i, sizeof(word));
      hash = (hash ^ word) * odd;
      hash ^= hash >> 32U;
    }
    return static_cast<std::size_t>(hash);
  }

  std::array<char, inline_size + 1> chars_{};  // the text, zeros, and its length
  std::shared_ptr<const std::string> long_{};
  std::size_t hash_ = 0;
};

}  // namespace mesh

template <>
struct std::hash<mesh::RequestId> {
  std::size_t operator()(const mesh::RequestId& id) const noexcept { return id.hash(); }
};
