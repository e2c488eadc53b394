#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <micro/payloads.hpp>

namespace mesh::bench {

/// Gives a message another request id each time, without touching the rest of it.
class SequentialId {
 public:
  explicit SequentialId(std::string message)
      : message_(std::move(message)), position_(message_.find(request_id())) {}

  const std::string& next() {
    constexpr std::size_t digits = 12;  // the last group of the uuid
    std::string number = std::to_string(++count_ % 1'000'000'000'000U);
    number.insert(0, digits - number.size(), '0');
    std::copy(number.begin(), number.end(), at(request_id().size() - digits));
    return message_;
  }

  std::string id() const { return message_.substr(position_, request_id().size()); }

 private:
  std::string::iterator at(std::size_t offset) {
    return message_.begin() + static_cast<std::ptrdiff_t>(position_ + offset);
  }

  std::string message_;
  std::size_t position_;
  std::uint64_t count_ = 0;
};

}  // namespace mesh::bench
