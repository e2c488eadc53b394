#include <view/local_view.hpp>

#include <algorithm>
#include <utility>
#include <vector>

#include <util/cancellation.hpp>
#include <util/describe_error.hpp>
#include <util/flag_raised.hpp>
#include <wire/decode.hpp>

namespace mesh::view {

namespace {

using std::chrono::milliseconds;

// Between two readings of the list; up to twice as long at random.
constexpr milliseconds smallest_gap{50};

// In a pause that is longer, all the others' heartbeats may have grown too old.
NodeView::Times times_of(const LocalView::Context& context) {
  return {std::max(context.node_ttl - context.interval, 2 * context.interval + 2 * smallest_gap),
          context.interval + context.reconnect_max_delay};
}

}  // namespace

LocalView::LocalView(Context context)
    : context_(std::move(context)),
      view_(times_of(context_)),
      news_(context_.strand),
      jitter_(0, static_cast<int>(smallest_gap.count())),
      log_(context_.log) {}

asio::awaitable<void> LocalView::run(std::shared_ptr<LocalView> /*self*/) {
  const FlagRaised running(is_running_);
  forget();
  for (;;) {
    std::exception_ptr error;
    try {
      if (view_.needs_list()) co_await read_list();
    } catch (...) {
      error = std::current_exception();
    }
    if (error && is_cancellation(error)) std::rethrow_exception(error);
    error_ = error;
    if (error) {
      view_.fail_listing();
      log_.warn(Clock::now(), "the list of nodes could not be read: " + describe_error(error));
    }
    co_await wait_for_news(error != nullptr);
    // Where many join at once, many nodes must not each read the list for each of them.
    Event never(context_.strand);
    co_await never.wait_until(Clock::now() + smallest_gap + milliseconds(jitter_(random_)));
    settle_dispute();
  }
}

void LocalView::forget() {
  view_.forget();
  silent_ones_since_.reset();
  last_state_at_ = Clock::now();
  error_ = nullptr;
  dispute_.reset();
}

asio::awaitable<void> LocalView::read_list() {
  const auto deadline = Clock::now() + context_.timeout;
  co_await context_.subscriptions->subscribe(context_.channel, deadline);
  view_.begin_listing();
  dispute_.reset();
  Listing listing = co_await context_.list(own_id_, deadline);
  // The node may have got another id meanwhile.
  for (NodeInfo& node : listing.nodes) node.self = node.instance_id == own_id_;
  const auto generation = view_.generation();
  last_list_at_ = Clock::now();
  if (dispute_ && dispute_->state.change < listing.state.change) dispute_.reset();
  report(view_.on_listed(listing.nodes, listing.state, last_list_at_), generation);
}

asio::awaitable<void> LocalView::wait_for_news(bool has_failed) {
  constexpr std::chrono::seconds pause_after_failure{1};
  if (has_failed) {
    co_await news_.wait_until(Clock::now() + pause_after_failure);
    co_return;
  }
  while (!view_.needs_list() && !dispute_) {
    const TimePoint next = next_look();
    if (Clock::now() >= next) {
      view_.require_list();
    } else {
      co_await news_.wait_until(next);
    }
  }
}

// A node that is leaving is told nothing of the list by its heartbeats.
TimePoint LocalView::next_look() const {
  constexpr std::chrono::seconds patience{1};
  const TimePoint unheard_until =
      std::max(last_state_at_, last_list_at_) + 2 * context_.interval + patience;
  return std::min<TimePoint>(view_.next_look().value_or(TimePoint::max()), unheard_until);
}

void LocalView::settle_dispute() {
  const auto dispute = std::exchange(dispute_, std::nullopt);
  if (!dispute) return;
  const auto agreement = view_.compare(dispute->state);
  const bool is_silence = agreement == NodeView::Agreement::but_for_silent_ones;
  if (agreement == NodeView::Agreement::no || (is_silence && dispute->is_silence)) {
    view_.require_list();
  }
}

void LocalView::on_announcement(std::string_view payload) {
  if (!is_running_) return;
  const auto event = wire::decode_event(payload);
  if (!event) return;
  const auto generation = view_.generation();
  report(view_.on_event(*event), generation);
  if (view_.needs_list()) news_.notify_all();
}

void LocalView::on_heartbeat(const ListState& state) {
  if (!is_running_) return;
  view_.on_contact(Clock::now());
  last_state_at_ = Clock::now();
  const auto agreement = view_.compare(state);
  if (agreement == NodeView::Agreement::no) dispute_ = Dispute{state, false};
  if (agreement != NodeView::Agreement::but_for_silent_ones) {
    silent_ones_since_.reset();
  } else if (!silent_ones_since_) {
    silent_ones_since_ = last_state_at_;
  } else if (last_state_at_ - *silent_ones_since_ >= context_.interval / 2) {
    dispute_ = Dispute{state, true};
  }
  if (dispute_ || view_.needs_list()) news_.notify_all();
}

void LocalView::set_own_id(InstanceId id) {
  const InstanceId former = std::exchange(own_id_, id);
  if (former == id || former == 0 || id == 0) return;
  view_.forget_node(former);
  news_.notify_all();
}

void LocalView::doubt_list() {
  view_.doubt(Clock::now());
  news_.notify_all();
}

void LocalView::on_subscribed_again() {
  view_.require_list();
  news_.notify_all();
}

void LocalView::report(const NodeView::Changes& changes, std::uint64_t generation_before) {
  if (!changes.empty() && events_.on_changes) events_.on_changes(changes);
  if (view_.generation() != generation_before && events_.on_updated) events_.on_updated();
}

}  // namespace mesh::view
