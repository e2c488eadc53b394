#include <core/routed_calls.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include <mesh/errors.hpp>

#include <core/call_outcome.hpp>
#include <util/make_error.hpp>

namespace mesh::core {

namespace {

using std::chrono::milliseconds;

// For how long a node that did not take a request is passed over.
constexpr milliseconds failure_counts_for{1000};

enum class Blame { nobody, silent_node, absent_node, request };

Blame blame_for(const std::exception_ptr& error) {
  const auto unless_it_ran = [](const MeshError& told, Blame blame) {
    return told.executed() == Executed::no ? blame : Blame::nobody;
  };
  try {
    std::rethrow_exception(error);
  } catch (const MeshNodeUnreachableError& told) {
    return unless_it_ran(told, Blame::absent_node);
  } catch (const MeshDeadlineError&) {
    return Blame::nobody;
  } catch (const MeshRequestTimeoutError&) {
    return Blame::silent_node;
  } catch (const MeshRefusedError& told) {
    if (told.reason() == Refusal::deadline) return Blame::nobody;
    const bool is_the_node = told.reason() == Refusal::busy || told.reason() == Refusal::stopping;
    return unless_it_ran(told, is_the_node ? Blame::absent_node : Blame::request);
  } catch (const MeshNoHandlerError& told) {
    return unless_it_ran(told, Blame::absent_node);
  } catch (const MeshHandlerError& told) {
    return unless_it_ran(told, Blame::request);
  } catch (...) {
    return Blame::nobody;
  }
}

/// Each call gets one of its own, as who lets it pass may change it.
std::exception_ptr copy_of(const std::exception_ptr& error) {
  if (!error) return nullptr;
  try {
    std::rethrow_exception(error);
  } catch (const MeshConnectionError& known) {
    return std::make_exception_ptr(MeshConnectionError(known));
  } catch (const MeshRedisError& known) {
    return std::make_exception_ptr(MeshRedisError(known));
  } catch (const std::exception& known) {
    return make_error<MeshRedisError>(known.what());
  }
}

}  // namespace

RoutedCalls::RoutedCalls(Context context, const std::atomic<InstanceId>& own_id,
                         PendingCalls& pending, Outbox& outbox, Counters& counters)
    : context_(std::move(context)),
      own_id_(own_id),
      pending_(pending),
      outbox_(outbox),
      counters_(counters),
      router_(context_.view->nodes()) {}

routing::Router::Wish RoutedCalls::wish_of(std::string_view type,
                                           const detail::Routing& routing) const {
  return {type, routing.route.filter(), routing.skip_self ? own_id_.load() : 0};
}

const routing::ServerPointer* RoutedCalls::choose(std::string_view type, const RoutedCall& routed) {
  const detail::Routing& routing = routed.routing();
  return router_.choose(wish_of(type, routing), routing.route, routed.tried(), Clock::now());
}

std::exception_ptr RoutedCalls::no_node_error(std::string_view type) const {
  return make_error<MeshNoNodeError>(std::string(type), context_.view->nodes().nodes().size());
}

void RoutedCalls::begin(detail::OutgoingCall&& call, detail::CallCompletion&& completion,
                        const std::shared_ptr<CallControl>& control) {
  auto routed = std::make_unique<RoutedCall>(*call.routing);
  const bool is_known = context_.view->nodes().is_complete();
  if (!is_known) context_.want_view();
  const routing::ServerPointer* const server = is_known ? choose(call.type, *routed) : nullptr;
  if (is_known && server == nullptr && !routed->routing().wait_for_node) {
    std::move(completion)(no_node_error(call.type), std::string());
    return;
  }
  if (server != nullptr) {
    call.target = (*server)->id;
    routed->begin_attempt(*server);
  }
  const auto request_id =
      outbox_.begin_call(std::move(call), std::move(completion), control, std::move(routed));
  if (request_id && server == nullptr) park(*request_id);
}

// Calls that have ended meanwhile must not pile up.
void RoutedCalls::park(const RequestId& request_id) {
  if (parked_.size() >= 2 * pending_.size()) {
    std::erase_if(parked_, [this](const RequestId& id) { return pending_.find(id) == nullptr; });
  }
  parked_.push_back(request_id);
}

void RoutedCalls::on_view_updated() {
  for (const RequestId& request_id : std::exchange(parked_, {})) {
    if (!has_found_a_node(request_id)) parked_.push_back(request_id);
  }
  for (ParkedGathering& parked : std::exchange(parked_gatherings_, {})) {
    begin_all(std::move(parked.call), parked.gathering);
  }
}

// Or has ended.
bool RoutedCalls::has_found_a_node(const RequestId& request_id) {
  PendingCall* const call = pending_.find(request_id);
  if (call == nullptr) return true;
  const routing::ServerPointer* const server = choose(call->type, *call->routed);
  if (server != nullptr) {
    call->target = (*server)->id;
    call->routed->begin_attempt(*server);
    pending_.on_target_found(request_id, *call, Clock::now());
    context_.calls->send_soon(request_id);
    return true;
  }
  if (call->routed->routing().wait_for_node) return false;
  pending_.fail(request_id, no_node_error(call->type));
  return true;
}

bool RoutedCalls::on_failed(PendingCall& call, const std::exception_ptr& error) {
  RoutedCall& routed = *call.routed;
  if (call.target == 0) return false;
  const Blame blame = blame_for(error);
  if (blame == Blame::silent_node) note_silence(routed, context_.silence_counts_for);
  if (blame == Blame::absent_node) note_silence(routed, failure_counts_for);
  if (blame != Blame::absent_node && blame != Blame::request) return false;
  routed.note_failure();
  const bool has_time = call.ends_at > Clock::now();
  if (!call.has_data || !has_time || !routed.has_attempts_left()) return false;
  const routing::ServerPointer* const server = choose(call.type, routed);
  if (server == nullptr) return false;
  routed.begin_attempt(*server);
  go_on(std::move(call), (*server)->id);
  return true;
}

void RoutedCalls::note_silence(const RoutedCall& routed, milliseconds duration) const {
  if (routed.server()) routed.server()->suspected_until = Clock::now() + duration;
}

// Under another id, as answers to the one before may still come. Whoever reports the failure must
// not have anything sent meanwhile.
void RoutedCalls::go_on(PendingCall&& call, InstanceId target) {
  const RequestId request_id = outbox_.next_request_id();
  if (call.control) {
    std::static_pointer_cast<CallControl>(call.control)->request_id = request_id;
  }
  pending_.add_again(request_id, {.completion = std::move(call.completion),
                                  .target = target,
                                  .type = call.type,
                                  .timeout = call.timeout,
                                  .begun_at = Clock::now(),
                                  .data = std::move(call.data),
                                  .has_data = true,
                                  .ends_at = call.ends_at,
                                  .extras = std::move(call.extras),
                                  .control = std::move(call.control),
                                  .counted_from = call.counted_from,
                                  .routed = std::move(call.routed)});
  ++counters_.calls_rerouted;
  context_.calls->send_soon(request_id);
}

bool RoutedCalls::may_go_elsewhere(const PendingCall& call) {
  if (!call.routed || !call.has_data || !call.routed->has_attempts_left()) return false;
  if (executed_of(call) != Executed::no) return false;
  const auto& tried = call.routed->tried();
  const auto is_new = [&](const routing::ServerPointer& server) {
    return server->id != call.target && std::ranges::find(tried, server->id) == tried.end();
  };
  return std::ranges::any_of(router_.servers(wish_of(call.type, call.routed->routing())), is_new);
}

std::exception_ptr RoutedCalls::why_not_sent(std::string_view type) const {
  if (context_.view->nodes().is_complete()) return no_node_error(type);
  return why_not_known();
}

std::exception_ptr RoutedCalls::why_not_known() const {
  const bool is_known = context_.view->nodes().is_complete();
  return is_known ? nullptr : copy_of(context_.view->error());
}

void RoutedCalls::clear() {
  parked_.clear();
  for (ParkedGathering& parked : std::exchange(parked_gatherings_, {})) {
    parked.gathering->fail(make_error<MeshStoppedError>());
  }
}

// Calls to all ---------------------------------------------------------------------------------

void RoutedCalls::begin_all(detail::OutgoingCall&& call,
                            const std::shared_ptr<Gathering>& gathering) {
  if (!gathering->is_open()) return;
  if (!context_.view->nodes().is_complete()) return park(std::move(call), gathering);
  if (gathering->is_late(Clock::now())) return gathering->fail_late();
  const std::vector<routing::ServerPointer> servers =
      router_.servers(wish_of(call.type, *call.routing));
  for (const routing::ServerPointer& server : servers) begin_one_of_all(call, server, gathering);
  gathering->close();
}

void RoutedCalls::park(detail::OutgoingCall&& call, const std::shared_ptr<Gathering>& gathering) {
  std::erase_if(parked_gatherings_,
                [](const ParkedGathering& parked) { return !parked.gathering->is_open(); });
  std::size_t bytes = call.data.size();
  for (const ParkedGathering& parked : parked_gatherings_) bytes += parked.call.data.size();
  const bool are_too_many =
      parked_gatherings_.size() + pending_.size() >= context_.limits.pending_calls;
  if (are_too_many || bytes > context_.limits.queued_bytes) {
    const std::string limit = are_too_many ? "pending_calls" : "queued_bytes";
    gathering->fail(make_error<MeshLimitError>(
        "too many calls wait for the list of nodes (MeshLimits::" + limit + ")"));
    return;
  }
  parked_gatherings_.push_back({std::move(call), gathering});
  context_.want_view();
}

void RoutedCalls::begin_one_of_all(const detail::OutgoingCall& call,
                                   const routing::ServerPointer& server,
                                   const std::shared_ptr<Gathering>& gathering) {
  const auto control = std::make_shared<CallControl>();
  gathering->add(control);
  auto routed = std::make_unique<RoutedCall>(*call.routing);
  routed->begin_attempt(server);
  detail::OutgoingCall one = call;
  one.target = server->id;
  outbox_.begin_call(
      std::move(one),
      [gathering, id = server->id](std::exception_ptr error, std::string json) {
        gathering->on_ended({id, std::move(error), std::move(json)});
      },
      control, std::move(routed));
}

}  // namespace mesh::core
