#include <core/node_watch.hpp>

#include <algorithm>
#include <exception>
#include <utility>

#include <util/cancellation.hpp>
#include <util/describe_error.hpp>
#include <wire/decode.hpp>

namespace mesh::core {

namespace {

using std::chrono::milliseconds;

// Between two readings of the list; up to twice as long at random.
constexpr milliseconds smallest_gap{50};

// In a pause that is longer, all the others' heartbeats may have grown too old.
NodeView::Times view_times(const NodeWatch::Context& context) {
  return {std::max(context.node_ttl - context.interval, 2 * context.interval + 2 * smallest_gap),
          context.interval + context.reconnect_max_delay};
}

}  // namespace

NodeWatch::NodeWatch(Context context, std::shared_ptr<Registry> registry)
    : context_(std::move(context)),
      registry_(std::move(registry)),
      view_(view_times(context_)),
      announced_(context_.strand),
      jitter_(0, static_cast<int>(smallest_gap.count())),
      log_(context_.log) {}

void NodeWatch::set_callback(Callback callback) {
  callback_ = std::move(callback);
  ++watch_;
  callbacks_ = nullptr;
  announced_.notify_all();
}

asio::awaitable<void> NodeWatch::run(std::shared_ptr<NodeWatch> /*self*/, SerialQueue& callbacks) {
  const auto watch = ++watch_;
  view_ = NodeView(view_times(context_));
  callbacks_ = &callbacks;
  while (watch == watch_) {
    is_stale_ = false;
    std::exception_ptr error;
    try {
      co_await list(watch);
    } catch (...) {
      error = std::current_exception();
    }
    if (error && is_cancellation(error)) std::rethrow_exception(error);
    if (watch != watch_) co_return;
    if (error) {
      log_.warn(Clock::now(), "the watch of nodes failed: " + describe_error(error));
    }
    if (!is_stale_) co_await announced_.wait_until(Clock::now() + context_.interval);
    // Where many join at once, many watchers must not each read the list for each of them.
    Event never(context_.strand);
    co_await never.wait_until(Clock::now() + smallest_gap + milliseconds(jitter_(random_)));
  }
}

asio::awaitable<void> NodeWatch::list(std::uint64_t watch) {
  const auto deadline = Clock::now() + context_.timeout;
  co_await context_.subscriptions->subscribe(context_.keys.events_channel(), deadline);
  const auto listing = view_.begin_listing();
  std::vector<MeshNode> nodes = co_await registry_->list(own_id_, deadline);
  if (watch != watch_) co_return;
  // The node may have got another id meanwhile.
  for (MeshNode& node : nodes) node.self = node.instance_id == own_id_;
  report(view_.on_listed(nodes, listing, Clock::now()));
}

void NodeWatch::on_event(std::string_view payload) {
  const auto event = wire::decode_event(payload);
  if (!event || callbacks_ == nullptr) return;
  if (event->left) report(view_.on_left(*event->left));
  is_stale_ = true;
  announced_.notify_all();
}

void NodeWatch::report(const std::vector<NodeView::Change>& changes) {
  if (!callback_ || callbacks_ == nullptr) return;
  for (const NodeView::Change& change : changes) {
    callbacks_->push(
        [callback = callback_, change] { return callback(change.change, change.node); });
  }
}

}  // namespace mesh::core
