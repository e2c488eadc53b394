#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <mesh/node.hpp>
#include <mesh/route.hpp>

#include <async/strand.hpp>
#include <util/lazy_random.hpp>

namespace mesh::routing {

/// A node that calls can be sent to.
struct Server {
  InstanceId id = 0;
  std::uint64_t hash = 0;       ///< Of the id.
  std::size_t pending = 0;      ///< Calls that wait for it.
  TimePoint suspected_until{};  ///< Until then others are preferred.
};
using ServerPointer = std::shared_ptr<Server>;

/// The nodes that serve one message and fit one filter, and whose turn it is. No I/O.
class ServerGroup {
 public:
  /// In ascending order of their ids.
  void set_servers(std::vector<ServerPointer> servers);
  const std::vector<ServerPointer>& servers() const { return servers_; }

  /// Null if there is none but those that were tried. Who is suspected is chosen only by key, or if
  /// all are.
  const ServerPointer* choose(const Route& route, std::span<const InstanceId> tried, TimePoint now,
                              LazyRandom& random);

 private:
  /// Whose key that was, when nobody had been tried.
  struct Holder {
    std::uint64_t key = 0;
    const ServerPointer* server = nullptr;
  };

  const ServerPointer* first_from(std::size_t place, std::span<const InstanceId> tried,
                                  TimePoint now) const;
  const ServerPointer* next_in_turn(std::span<const InstanceId> tried, TimePoint now,
                                    LazyRandom& random);
  const ServerPointer* least_pending(std::span<const InstanceId> tried, TimePoint now,
                                     LazyRandom& random) const;
  const ServerPointer* holder_of(std::uint64_t key, std::span<const InstanceId> tried);
  const ServerPointer* find_holder(std::uint64_t key, std::span<const InstanceId> tried) const;
  std::size_t random_place(LazyRandom& random) const;

  std::vector<ServerPointer> servers_;
  std::size_t next_ = 0;
  bool has_begun_ = false;
  std::vector<Holder> holders_;  // by bits of the key; empty until one is asked for
};

}  // namespace mesh::routing
