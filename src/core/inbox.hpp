#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mesh/log.hpp>
#include <mesh/node.hpp>
#include <mesh/options.hpp>

#include <async/strand.hpp>
#include <core/counters.hpp>
#include <core/keys.hpp>
#include <core/pending_calls.hpp>
#include <core/request_server.hpp>
#include <redis/client.hpp>
#include <util/rate_limited_log.hpp>
#include <util/request_id.hpp>
#include <view/local_view.hpp>
#include <wire/decode.hpp>

namespace mesh::core {

/// Reads what is published for this node and hands it to whom it concerns. Requests are kept while
/// it is not known whether the node still has its id. All members must be called on the strand.
class Inbox {
 public:
  struct Context {
    std::shared_ptr<redis::Client> commands;
    Keys keys;
    MeshLimits limits;
    LogSink log;
  };

  Inbox(Context context, const std::atomic<InstanceId>& own_id, PendingCalls& calls,
        std::shared_ptr<RequestServer> server, std::shared_ptr<view::LocalView> view,
        Counters& counters);
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  /// Messages to the node come on this channel; requests for another owner of its id are not its.
  void set_node(std::string channel, std::string owner) {
    node_channel_ = std::move(channel);
    owner_ = std::move(owner);
  }
  const std::string& node_channel() const { return node_channel_; }
  void on_message(std::string_view channel, std::string_view payload);
  /// What this node sends to itself.
  void on_own_message(std::string_view payload) { on_node_message(payload, true); }
  /// One that is longer than the limit; there is only its beginning.
  void on_oversized(const redis::OversizedMessage& message);

  /// Until `accept_requests()`, requests are kept: the id may be another node's.
  void hold_requests() { owns_id_ = false; }
  void accept_requests();
  void forget_held();

 private:
  void on_frame(std::string_view payload);
  void on_node_message(std::string_view payload, bool is_own = false);
  void on_malformed(const wire::Malformed& message);
  void on_request(wire::Request&& request, bool is_own);
  bool is_for_this_owner(const wire::Request& request) const {
    return request.owner.empty() || request.owner == owner_;
  }
  void on_broadcast_message(std::string_view payload);
  void on_unexpected(const RequestId& request_id, const std::string& reason);
  void drop(const std::string& reason);

  /// A request that came before it was known whether this node still has its id.
  struct HeldRequest {
    wire::Request request;
    TimePoint arrived_at{};
  };

  Context context_;
  const std::atomic<InstanceId>& own_id_;
  PendingCalls& calls_;
  std::shared_ptr<RequestServer> server_;
  std::shared_ptr<view::LocalView> view_;
  Counters& counters_;
  RateLimitedLog drop_log_;
  wire::LastRequest last_request_;
  std::string node_channel_;
  std::string owner_;
  std::string broadcast_channel_;
  std::string events_channel_;
  bool owns_id_ = true;            // as far as is known, after a reconnect
  std::vector<HeldRequest> held_;  // until that is known
  std::size_t held_bytes_ = 0;
};

}  // namespace mesh::core
