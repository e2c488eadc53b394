#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <mesh/detail/callback.hpp>
#include <mesh/log.hpp>
#include <mesh/node.hpp>

#include <async/event.hpp>
#include <async/serial_queue.hpp>
#include <async/strand.hpp>
#include <core/keys.hpp>
#include <core/node_view.hpp>
#include <core/registry.hpp>
#include <redis/client.hpp>
#include <util/lazy_random.hpp>
#include <util/rate_limited_log.hpp>

namespace mesh::core {

/// Tells the application which nodes join and leave. Nodes announce that on a channel; the list in
/// Redis, read after each announcement and once per interval, is what counts, since TypeScript
/// nodes announce nothing. All members must be called on the strand.
class NodeWatch : public std::enable_shared_from_this<NodeWatch> {
 public:
  using Callback = detail::AsyncCallback<NodeChange, MeshNode>;

  struct Context {
    Strand strand;
    std::shared_ptr<redis::Client> subscriptions;
    Keys keys;
    std::chrono::milliseconds interval{0};
    std::chrono::milliseconds node_ttl{0};
    std::chrono::milliseconds reconnect_max_delay{0};
    std::chrono::milliseconds timeout{0};  ///< Of reading the list.
    LogSink log;
  };

  NodeWatch(Context context, std::shared_ptr<Registry> registry);
  NodeWatch(const NodeWatch&) = delete;
  NodeWatch& operator=(const NodeWatch&) = delete;

  /// Ends a watch that runs; the next one tells the new callback first who is there.
  void set_callback(Callback callback);
  bool has_callback() const { return static_cast<bool>(callback_); }

  /// Watches until cancelled or until there is another callback; the callback is called by way of
  /// `callbacks`.
  asio::awaitable<void> run(std::shared_ptr<NodeWatch> self, SerialQueue& callbacks);
  void on_event(std::string_view payload);
  /// Redis was away or has lost data: the others may need a moment to be on the list again.
  void doubt_list() { view_.doubt(Clock::now()); }
  void set_own_id(InstanceId id) { own_id_ = id; }

 private:
  asio::awaitable<void> list(std::uint64_t watch);
  void report(const std::vector<NodeView::Change>& changes);

  Context context_;
  std::shared_ptr<Registry> registry_;
  NodeView view_;
  Callback callback_;
  SerialQueue* callbacks_ = nullptr;  // while it runs
  InstanceId own_id_ = 0;
  std::uint64_t watch_ = 0;  // counts them
  bool is_stale_ = false;
  Event announced_;
  LazyRandom random_;
  std::uniform_int_distribution<int> jitter_;  // in ms
  RateLimitedLog log_;
};

}  // namespace mesh::core
