#pragma once

#include <random>
#include <string>

namespace mesh {

/// Makes random uuids (RFC 4122, version 4) as text. Seeded from the system once; not for secrets.
class UuidGenerator {
 public:
  UuidGenerator();

  std::string next();

 private:
  std::mt19937_64 random_;
};

}  // namespace mesh
