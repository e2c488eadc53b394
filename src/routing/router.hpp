#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <mesh/node.hpp>
#include <mesh/route.hpp>

#include <async/strand.hpp>
#include <routing/server_group.hpp>
#include <util/lazy_random.hpp>
#include <view/node_view.hpp>

namespace mesh::routing {

/// Chooses nodes for calls, from what a `NodeView` knows, which must outlive it. No I/O; time is
/// passed in.
class Router {
 public:
  explicit Router(const view::NodeView& view) : view_(view) {}
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  /// Who is meant by a call.
  struct Wish {
    std::string_view type;
    NodeFilter filter{};
    InstanceId except = 0;  ///< 0: nobody is excepted.
  };

  /// Null if nobody serves it but those that were tried. Good until the next call of a member.
  const ServerPointer* choose(const Wish& wish, const Route& route,
                              std::span<const InstanceId> tried, TimePoint now);
  /// All that serve it, in ascending order of their ids. Good until the next call of a member.
  const std::vector<ServerPointer>& servers(const Wish& wish) { return group_of(wish).servers(); }

 private:
  struct Group {
    std::string type;
    NodeFilter filter{};
    InstanceId except = 0;
    std::uint64_t generation = 0;
    ServerGroup servers;
  };

  bool is_meant(const Group& group, const Wish& wish) const;
  ServerGroup& group_of(const Wish& wish);
  Group& find_group(const Wish& wish);
  void refresh(Group& group);
  const ServerPointer& server_of(InstanceId id);
  void forget_who_left();

  const view::NodeView& view_;
  std::uint64_t generation_ = 0;
  std::unordered_map<InstanceId, ServerPointer> servers_;
  std::unordered_multimap<std::uint64_t, Group> groups_;  // by a hash of what they are for
  Group* last_ = nullptr;
  LazyRandom random_;
};

}  // namespace mesh::routing
