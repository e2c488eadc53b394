#pragma once

#include <array>
#include <optional>
#include <random>
#include <string>

namespace mesh {

/// Makes random uuids (RFC 4122, version 4) as text. Seeded from the system when it is used first,
/// so that processes that are forked before that make different ones; not for secrets.
class UuidGenerator {
 public:
  using Text = std::array<char, 36>;

  Text next_text();
  std::string next() {
    const Text text = next_text();
    return {text.data(), text.size()};
  }

 private:
  std::optional<std::mt19937_64> random_;
};

}  // namespace mesh
