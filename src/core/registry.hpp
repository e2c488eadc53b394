#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <mesh/node.hpp>

#include <async/strand.hpp>
#include <core/keys.hpp>
#include <core/node_channels.hpp>
#include <redis/client.hpp>
#include <redis/reply.hpp>
#include <redis/script.hpp>
#include <util/uuid.hpp>
#include <view/list_state.hpp>

namespace mesh::core {

/// The list of nodes in Redis. Every operation is made of atomic scripts, which declare all keys
/// that they touch, uses the clock of Redis, and throws as `redis::Client::request()`.
class Registry {
 public:
  /// That a removed node is to be reported, as noted in Redis.
  struct Report {
    InstanceId id = 0;
    std::string note{};  // tells this removal from others, and this reporter

    friend bool operator==(const Report&, const Report&) = default;
    friend bool operator<(const Report& left, const Report& right) {
      return std::tie(left.id, left.note) < std::tie(right.id, right.note);
    }
  };
  using Reports = std::vector<Report>;

  struct Context {
    Strand strand;
    std::shared_ptr<redis::Client> client;
    Keys keys;
    std::chrono::milliseconds node_ttl{0};
    std::string hostname{};
    /// Where the client's Redis does not know who listens on the nodes' channels; else null.
    std::shared_ptr<NodeChannels> channels{};
  };

  explicit Registry(Context context);

  bool is_connected() const { return client_->is_ready(); }
  /// The user may have got permissions that it did not have.
  void forget_refusals();
  /// What the key of the last claimed id holds.
  const std::string& owner() const { return uuid_; }

  asio::awaitable<InstanceId> claim_id(TimePoint deadline);
  enum class Registration { known, missing, taken_by_another };

  /// What goes along with a heartbeat.
  struct Beat {
    InstanceId id = 0;
    std::string lock_value{};  // what the leader lock holds while this node leads
    std::string info{};        // what the node says of itself; empty: what it said before
    bool wants_list_state = false;
  };

  /// What a heartbeat found.
  struct Heartbeat {
    Registration registration = Registration::taken_by_another;
    bool is_unheard = false;     // nobody is subscribed to the node's channel, in a script
    bool has_info = false;       // what the node says of itself is there,
    bool may_have_info = false;  // if the user may use it
    std::optional<view::ListState> list{};
    std::optional<bool> another_leads{};  // nothing if an attempt must find out
  };

  /// Registers the node or prolongs its registration, unless another node has its id. The beat must
  /// outlive the operation.
  asio::awaitable<Heartbeat> heartbeat(const Beat& beat, TimePoint deadline);
  /// Whether it is certain that nobody is subscribed to the node's channel, where a heartbeat does
  /// not tell.
  asio::awaitable<bool> is_unheard(InstanceId id, TimePoint deadline);
  /// In ascending order of the ids. `self` marks the one with that id. Large lists are read in
  /// parts: a node that comes or goes meanwhile may be listed or not.
  asio::awaitable<std::vector<MeshNode>> list(InstanceId self, TimePoint deadline);
  /// The same with what the nodes say of themselves, and what the list then was.
  asio::awaitable<view::Listing> list_infos(InstanceId self, TimePoint deadline);
  /// What shows that the caller leads: the value of the leader lock, or, where that is on another
  /// Redis, its fencing token.
  struct Mandate {
    std::string key;
    std::string value;
    std::string memory;  // for how many ms a token is remembered; empty for a lock
  };
  /// The leader's cleanup. Returns what `self` has to report, also what it returned before and
  /// that is not finished, or nothing if the mandate is not valid. It must outlive the operation.
  asio::awaitable<std::optional<Reports>> remove_dead(InstanceId self, const Mandate& mandate,
                                                      TimePoint deadline);
  /// What `self` has to report, whether it leads or not.
  asio::awaitable<Reports> list_reports(InstanceId self, TimePoint deadline);
  /// Whether it still is this node's to report. The report must outlive the operation, here and
  /// below.
  asio::awaitable<bool> is_current(const Report& report, TimePoint deadline);
  asio::awaitable<void> finish_report(const Report& report, TimePoint deadline);
  /// Removes the node from the list while it goes on to own its id; to be repeated at each
  /// heartbeat. False if another node has the id.
  asio::awaitable<bool> begin_to_leave(InstanceId id, TimePoint deadline);
  asio::awaitable<void> leave(InstanceId id, TimePoint deadline);

 private:
  std::string reporter(InstanceId self) const { return std::to_string(self) + ":" + uuid_; }
  asio::awaitable<InstanceId> next_free_id(TimePoint deadline);
  asio::awaitable<bool> may_be_heard(InstanceId id, TimePoint deadline);
  asio::awaitable<bool> claim(InstanceId id, TimePoint deadline);
  std::string channel_to_ask_about(const std::string& name) const;
  std::string publish_word() const;
  void note_claim(InstanceId id);
  asio::awaitable<redis::Outcome> run_heartbeat(const Beat& beat, TimePoint deadline);
  asio::awaitable<redis::Outcome> find_permitted(const Beat& beat, TimePoint deadline);
  std::string infos_key() const;
  std::string changes_key() const;
  template <typename Node>
  asio::awaitable<std::optional<view::ListState>> read_list(InstanceId self,
                                                            std::vector<Node>& nodes,
                                                            TimePoint deadline);
  asio::awaitable<void> read_infos(std::span<NodeInfo> nodes, TimePoint deadline);
  asio::awaitable<redis::Reply> run_cleanup(InstanceId self, const Mandate& mandate,
                                            std::vector<std::string> owners,
                                            std::vector<std::string> ghosts, TimePoint deadline);
  asio::awaitable<bool> run_leave(InstanceId id, std::string owner_ttl, TimePoint deadline,
                                  redis::Priority priority);

  Strand strand_;
  std::shared_ptr<redis::Client> client_;
  Keys keys_;
  std::string node_ttl_;   // in ms
  std::string owner_ttl_;  // in ms
  std::string hostname_;
  std::shared_ptr<NodeChannels> channels_;  // null if the scripts know who listens
  std::string last_score_;                  // what the last heartbeat wrote, in ms
  UuidGenerator uuids_;
  std::string uuid_;  // tells this node from another with the same id; a new one for each claim
  std::map<InstanceId, std::string> claims_;  // the last uuid of each id, of a few
  std::string former_uuid_;                   // of an earlier claim of the same id
  bool may_read_lock_ = true;                 // as far as is known, here and below
  bool may_use_infos_ = true;
  bool may_look_at_any_info_ = true;
  std::vector<std::string> ghosts_;  // host names without a heartbeat, at the last cleanup
  redis::Script next_free_id_;
  redis::Script claim_id_;
  redis::Script heartbeat_;
  redis::Script list_nodes_;
  redis::Script read_infos_;
  redis::Script remove_dead_nodes_;
  redis::Script finish_report_;
  redis::Script leave_;
};

}  // namespace mesh::core
