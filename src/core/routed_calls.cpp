#include <core/routed_calls.hpp>

#include <algorithm>
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

enum class Blame { nobody, silent_node, node_that_ran_nothing };

Blame blame_for(const std::exception_ptr& error) {
  const auto unless_it_ran = [](const MeshError& told) {
    return told.executed() == Executed::no ? Blame::node_that_ran_nothing : Blame::nobody;
  };
  try {
    std::rethrow_exception(error);
  } catch (const MeshNodeUnreachableError& told) {
    return unless_it_ran(told);
  } catch (const MeshDeadlineError&) {
    return Blame::nobody;
  } catch (const MeshRequestTimeoutError&) {
    return Blame::silent_node;
  } catch (const MeshRefusedError& told) {
    return told.reason() == Refusal::deadline ? Blame::nobody : unless_it_ran(told);
  } catch (const MeshNoHandlerError& told) {
    return unless_it_ran(told);
  } catch (const MeshHandlerError& told) {
    return unless_it_ran(told);
  } catch (...) {
    return Blame::nobody;
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
  if (request_id && server == nullptr) parked_.push_back(*request_id);
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
  if (blame != Blame::node_that_ran_nothing) return false;
  note_silence(routed, failure_counts_for);
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
  return context_.view->error();
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
  if (!context_.view->nodes().is_complete()) {
    std::erase_if(parked_gatherings_,
                  [](const ParkedGathering& parked) { return !parked.gathering->is_open(); });
    parked_gatherings_.push_back({std::move(call), gathering});
    context_.want_view();
    return;
  }
  if (!gathering->is_open()) return;
  const std::vector<routing::ServerPointer> servers =
      router_.servers(wish_of(call.type, *call.routing));
  for (const routing::ServerPointer& server : servers) begin_one_of_all(call, server, gathering);
  gathering->close();
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
