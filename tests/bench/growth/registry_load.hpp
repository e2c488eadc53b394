#pragma once

#include <cstddef>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <scaling/figures.hpp>

#include <async/strand.hpp>

namespace mesh::bench {

struct RegistryLoadOptions {
  std::vector<std::size_t> nodes;  ///< That are registered; ascending.
  std::size_t repetitions =
      20;  ///< Of what goes through all nodes; of other things a hundred times as many.
};

/// What heartbeats, cleanups, lists and announcements cost the primary that has the registry. Must
/// run on the strand.
asio::awaitable<void> measure_registry_load(Strand strand, RegistryLoadOptions options,
                                            Figures& figures);

}  // namespace mesh::bench
