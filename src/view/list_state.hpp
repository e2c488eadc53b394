#pragma once

#include <cstdint>
#include <vector>

#include <mesh/node.hpp>

namespace mesh::view {

/// How many silent nodes are counted.
constexpr std::int64_t most_silent = 100;

/// What tells whether the list of nodes in Redis has changed, without reading it.
struct ListState {
  std::int64_t change = 0;  ///< Number of the last change that was announced; 0: none is known.
  std::int64_t members = 0;
  std::int64_t last_id = 0;  ///< That was handed out.
  /// How many of them, up to `most_silent`, count as dead and are not removed yet.
  std::int64_t silent = 0;

  friend bool operator==(const ListState&, const ListState&) = default;
};

/// A list that was read.
struct Listing {
  std::vector<NodeInfo> nodes{};
  ListState state{};  ///< As of its beginning.
};

}  // namespace mesh::view
