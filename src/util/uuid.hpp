#pragma once

#include <array>
#include <random>
#include <string>

namespace mesh {

/// Makes random uuids (RFC 4122, version 4) as text. Seeded from the system once; not for secrets.
class UuidGenerator {
 public:
  UuidGenerator();

  using Text = std::array<char, 36>;

  Text next_text();
  std::string next() {
    const Text text = next_text();
    return {text.data(), text.size()};
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace mesh
