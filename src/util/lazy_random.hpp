#pragma once

#include <optional>
#include <random>

namespace mesh {

/// Random numbers for jitter; not for secrets. Seeded when it is used first: processes that are
/// forked before that must not draw the same.
class LazyRandom {
 public:
  using result_type = std::minstd_rand::result_type;

  static constexpr result_type min() { return std::minstd_rand::min(); }
  static constexpr result_type max() { return std::minstd_rand::max(); }
  result_type operator()() {
    if (!engine_) engine_.emplace(std::random_device{}());
    return (*engine_)();
  }

 private:
  std::optional<std::minstd_rand> engine_;
};

}  // namespace mesh
