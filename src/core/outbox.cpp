#include <core/outbox.hpp>

#include <utility>

#include <mesh/errors.hpp>

#include <core/node_features.hpp>
#include <core/time_left.hpp>
#include <redis/channel_kind.hpp>
#include <util/make_error.hpp>
#include <wire/encode.hpp>
#include <wire/objection.hpp>

namespace mesh::core {

namespace {

std::string_view headers_of(const detail::OutgoingCall& call) {
  return call.extras ? std::string_view(call.extras->headers) : std::string_view();
}

std::shared_ptr<const detail::CallExtras> only_type_of(const detail::CallExtras& extras) {
  auto type = std::make_shared<detail::CallExtras>();
  type->type_owner = extras.type_owner;
  return type;
}

}  // namespace

Outbox::Outbox(Context context, const std::atomic<InstanceId>& own_id, PendingCalls& pending,
               std::shared_ptr<CallSender> calls, Counters& counters)
    : context_(std::move(context)),
      own_id_(own_id),
      pending_(pending),
      calls_(std::move(calls)),
      counters_(counters) {}

std::optional<RequestId> Outbox::begin_call(detail::OutgoingCall&& call,
                                            detail::CallCompletion&& completion,
                                            const std::shared_ptr<CallControl>& control,
                                            std::unique_ptr<RoutedCall> routed) {
  const auto timeout =
      call.timeout == std::chrono::milliseconds::zero() ? context_.default_timeout : call.timeout;
  const auto now = Clock::now();
  const TimePoint ends_at =
      call.extras ? call.extras->deadline.value_or(TimePoint::max()) : TimePoint::max();
  if (ends_at <= now) {
    std::move(completion)(
        make_error<MeshDeadlineError>(call.target, std::string(call.type), Executed::no),
        std::string());
    return std::nullopt;
  }
  const RequestId request_id = next_request_id();
  std::string message = requests_.encode({.request_id = request_id.view(),
                                          .sender = own_id_,
                                          .type = call.type,
                                          .data = call.data,
                                          .timeout = timeout,
                                          .accepts = own_features,
                                          .deadline = time_left(ends_at, now),
                                          .headers = headers_of(call)},
                                         std::move(message_));
  if (auto objection = objection_to_call(call, message.size())) {
    std::move(completion)(std::move(objection), std::string());
    return std::nullopt;
  }
  if (control) control->request_id = request_id;
  const bool has_data = has_room_to_keep(call.data.size() + headers_of(call).size());
  if (!has_data && call.extras) call.extras = only_type_of(*call.extras);
  PendingCall& pending =
      pending_.add(request_id, {.completion = std::move(completion),
                                .target = call.target,
                                .type = call.type,
                                .timeout = timeout,
                                .begun_at = now,
                                .data = has_data ? std::move(call.data) : std::string(),
                                .has_data = has_data,
                                .ends_at = ends_at,
                                .extras = std::move(call.extras),
                                .control = control,
                                .routed = std::move(routed)});
  if (pending.target != 0 || !pending.routed) calls_->send(request_id, pending, message);
  constexpr std::size_t usual_size = std::size_t{64} << 10U;
  if (message.capacity() <= usual_size) message_ = std::move(message);
  return request_id;
}

bool Outbox::has_room_to_keep(std::size_t size) const {
  return pending_.kept_bytes() + size <= context_.limits.queued_bytes;
}

std::exception_ptr Outbox::objection_to_call(const detail::OutgoingCall& call,
                                             std::size_t message_size) const {
  if (pending_.size() >= context_.limits.pending_calls) {
    return std::make_exception_ptr(
        MeshLimitError(std::to_string(pending_.size()) +
                       " calls are waiting for an answer (MeshLimits::pending_calls)"));
  }
  if (const auto objection = wire::objection_to(message_size, call.data, context_.limits)) {
    return make_error<MeshLimitError>("the request " + *objection);
  }
  // What cannot be sent now must be kept.
  const bool can_be_sent = calls_->can_send_to(call.target) && (call.target != 0 || !call.routing);
  if (!can_be_sent && !has_room_to_keep(message_size)) {
    return std::make_exception_ptr(redis::overflow_error());
  }
  return nullptr;
}

asio::awaitable<void> Outbox::broadcast(std::string_view type, std::string_view data) {
  std::string message = wire::encode_broadcast(own_id_, type, data);
  if (const auto objection = wire::objection_to(message.size(), data, context_.limits)) {
    throw MeshLimitError("the broadcast " + *objection);
  }
  const std::string_view publish = redis::words_of(context_.commands->channel_kind()).publish;
  redis::Command command{publish, context_.broadcast_channel, message};
  co_await context_.commands->request(std::move(command), Clock::now() + context_.default_timeout,
                                      redis::Priority::payload);
  ++counters_.broadcasts_sent;
}

}  // namespace mesh::core
