#pragma once

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include <mesh/node.hpp>

#include <core/keys.hpp>
#include <core/node_features.hpp>
#include <core/recently_used.hpp>
#include <redis/client.hpp>
#include <util/request_id.hpp>

namespace mesh::core {

/// Whose the ids of nodes are, as Redis says: asked once for all calls that want to know it, and
/// remembered. All members must be called on the strand.
class OwnerLookup : public std::enable_shared_from_this<OwnerLookup> {
 public:
  struct Found {
    InstanceId target = 0;
    bool is_answered = false;
    std::shared_ptr<const Owner> owner{};  ///< Null: nobody's, or a node's that names no owner.
    std::vector<RequestId> calls{};        ///< That wanted to know it.
    std::vector<RequestId> cancels{};      ///< Of such calls that were given up meanwhile.
  };
  using OnFound = std::function<void(const Found& found)>;

  /// `all_have_owners`: an id without one is not remembered as such, as its node is about to say
  /// that it has it. What `on_found` refers to must live as long as this.
  OwnerLookup(std::shared_ptr<redis::Client> commands, Keys keys, bool all_have_owners,
              OnFound on_found);
  OwnerLookup(const OwnerLookup&) = delete;
  OwnerLookup& operator=(const OwnerLookup&) = delete;

  /// Null if it has to be asked for.
  const std::shared_ptr<const Owner>* find(InstanceId target) { return owners_.find(target); }
  /// The answer goes to `on_found`.
  void ask(InstanceId target, const RequestId& call);
  /// If the answer about the target is awaited, it is kept for that.
  void add_cancel(InstanceId target, const RequestId& call);

  void forget(InstanceId target) { owners_.erase(target); }
  void forget_all() { owners_.clear(); }
  /// And what is asked.
  void clear();

 private:
  void on_answer(InstanceId target, const redis::Outcome& outcome);

  std::shared_ptr<redis::Client> commands_;
  Keys keys_;
  bool all_have_owners_;
  OnFound on_found_;
  RecentlyUsed<InstanceId, std::shared_ptr<const Owner>> owners_;
  std::unordered_map<InstanceId, Found> asked_;
};

}  // namespace mesh::core
