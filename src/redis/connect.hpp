#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <mesh/errors.hpp>
#include <mesh/options.hpp>

#include <async/strand.hpp>
#include <redis/channel_kind.hpp>
#include <redis/endpoint.hpp>
#include <redis/link.hpp>
#include <redis/sentinel.hpp>
#include <redis/slot_claim.hpp>
#include <redis/slot_map.hpp>
#include <redis/slot_route.hpp>

namespace mesh::redis {

/// Where `options` says that Redis, or the Sentinel to ask first, is.
Endpoint configured_endpoint(const RedisOptions& options);

/// When the next of several attempts has to end: what is left is shared equally.
TimePoint end_of_share(TimePoint deadline, std::size_t attempts_left);

/// The connection failed for a reason that goes away by itself, such as that Redis loads its data.
class PassingConnectionError : public MeshConnectionError {
 public:
  using MeshConnectionError::MeshConnectionError;
};

/// Nobody was there to connect to.
class NobodyThereError : public MeshConnectionError {
 public:
  using MeshConnectionError::MeshConnectionError;
};

/// The master that took the place of another.
struct Successor {
  Endpoint master{};
  Endpoint sentinel{};  ///< That says so.
};

/// What a server says of the slot of a connection to it.
struct SlotAnswer {
  enum class Kind { here, elsewhere, unknown, refused };
  Kind kind = Kind::unknown;
  std::string cause{};  ///< That it is unknown, as the server could not be asked, or was refused.
};

/// Makes connections that are ready for commands: asks Sentinel or the nodes of a cluster if
/// configured, resolves the name, connects, and authenticates. Remembers who was right last. All
/// members must be called on the strand, and the object must outlive what they return.
class Connector {
 public:
  /// `options` must be valid. In a cluster the connections lead to the primary of the slot.
  Connector(Strand strand, const RedisOptions& options, std::uint16_t slot = 0);

  /// Throws `MeshConnectionError` with the configured host, latest at the deadline.
  asio::awaitable<std::shared_ptr<Link>> connect(TimePoint deadline);

  bool uses_cluster() const { return route_.has_value(); }
  /// In a cluster the next connection leads to the primary of this slot.
  void lead_to(std::uint16_t slot);
  /// Of the channels on its connections.
  ChannelKind channel_kind() const {
    return uses_cluster() ? ChannelKind::sharded : ChannelKind::classic;
  }
  /// Hears where all slots are, before the connection that is made by that.
  void set_slots_callback(std::function<void(const SlotMap& map)> callback) {
    on_slots_ = std::move(callback);
  }
  /// In a cluster these are the nodes, of which some are asked next.
  void learn_nodes(const SlotMap& map) {
    if (route_) route_->note_slots(map);
  }
  /// A command on the last connection was answered so. Whether the next one should lead elsewhere.
  bool note_reply(const Reply& reply);
  /// Whether none of the other nodes that are asked and answer by the deadline knows of a primary
  /// of the slot that is newer than the one that the last connection leads to. If one does, that
  /// primary is asked last from then on.
  asio::awaitable<bool> is_still_primary(TimePoint deadline);
  /// In a cluster, where the slot is as the server says that the last connection leads to. If it is
  /// elsewhere, that server is asked last from then on.
  asio::awaitable<SlotAnswer> ask_about_slot(TimePoint deadline);
  /// Connects to this server; with Sentinel only if it is a master. Throws as `connect()`, but with
  /// this host.
  asio::awaitable<std::shared_ptr<Link>> connect_to(Endpoint server, TimePoint deadline);

  bool uses_sentinel() const { return !options_.sentinel_host.empty(); }
  /// That Sentinel or the cluster named for the last connection.
  const Endpoint& master() const { return master_; }
  /// Asks this one first from now on.
  void prefer(const Endpoint& sentinel);

  const std::vector<Endpoint>& sentinels() const { return sentinels_; }
  /// Whom this Sentinel takes for the master; nothing without an answer in time.
  asio::awaitable<std::optional<Belief>> ask_for_belief(Endpoint sentinel, TimePoint deadline);
  /// Whether it can be reached, and agrees.
  asio::awaitable<bool> is_master(Endpoint server, TimePoint deadline);

 private:
  /// What is said first on a connection, and what is asked then.
  struct Exchange {
    std::vector<Command> greeting{};
    std::vector<Command> queries{};
  };
  struct Answer {
    std::shared_ptr<Link> link;  ///< Open, and ready for commands.
    std::vector<Reply> replies{};
  };

  asio::awaitable<std::shared_ptr<Link>> connect_by_sentinel(TimePoint deadline);
  asio::awaitable<std::shared_ptr<Link>> connect_in_cluster(TimePoint deadline);
  asio::awaitable<std::shared_ptr<Link>> follow_redirection(TimePoint deadline);
  asio::awaitable<std::shared_ptr<Link>> connect_to_primary(Endpoint primary, Endpoint named_by,
                                                            TimePoint deadline);
  asio::awaitable<std::shared_ptr<Link>> connect_as_named(Endpoint node, TimePoint deadline);
  asio::awaitable<Reply> ask_node(Endpoint node, Command query, TimePoint deadline);
  std::optional<Endpoint> note_slots(const Reply& reply, const Endpoint& asked);
  asio::awaitable<std::optional<SlotClaim>> ask_for_claim(Endpoint node, TimePoint deadline);
  /// Of a server that a cluster may have named.
  Endpoint reachable_address(const Endpoint& named) const;
  asio::awaitable<Answer> converse(Endpoint endpoint, Exchange exchange, TimePoint deadline);
  asio::awaitable<std::vector<Reply>> ask(RedisPeer peer, Endpoint endpoint,
                                          std::vector<Command> queries, TimePoint deadline);
  RedisCredentials credentials(RedisPeer peer, const Endpoint& endpoint) const;
  void remember_good(const Endpoint& address);

  Strand strand_;
  RedisOptions options_;
  std::vector<Endpoint> sentinels_;       // the one that was right last comes first
  std::vector<Endpoint> good_addresses_;  // among those of the names that were resolved
  std::shared_ptr<TlsContext> tls_;
  Endpoint master_;  // that Sentinel or the cluster named for the last connection
  std::optional<SlotRoute> route_;
  std::function<void(const SlotMap& map)> on_slots_;
};

}  // namespace mesh::redis
