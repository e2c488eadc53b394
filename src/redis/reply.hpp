#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mesh::redis {

/// A reply of Redis as a value.
struct Reply {
  enum class Kind { nil, integer, text, error, array };

  Kind kind = Kind::nil;
  std::int64_t integer = 0;
  std::string text;  // of `text` and `error`
  std::vector<Reply> elements;

  bool is_error() const { return kind == Kind::error; }
};

}  // namespace mesh::redis
