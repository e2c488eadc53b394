#include <core/answer_sender.hpp>

#include <chrono>
#include <limits>
#include <utility>

#include <core/retry_delay.hpp>
#include <redis/command.hpp>
#include <redis/reply_errors.hpp>
#include <redis/size_refusal.hpp>
#include <wire/decode.hpp>
#include <wire/encode.hpp>

namespace mesh::core {

namespace {

using namespace std::chrono_literals;

constexpr auto longest_wait = 1min;

// Of responses to one caller that are published at once, with a pause between portions.
constexpr std::size_t responses_at_once = 64;
constexpr auto pause_between_responses = 5ms;

constexpr std::size_t all = std::numeric_limits<std::size_t>::max();

// How old the knowledge of who else is counted by PUBLISH may be.
constexpr auto others_are_known_for = 5s;

// Those that wait must not outlast their time because of a question without an answer.
constexpr auto longest_question = 5s;

}  // namespace

AnswerSender::AnswerSender(Context context, Counters& counters)
    : context_(std::move(context)),
      counters_(counters),
      log_(context_.log),
      parked_({context_.most_bytes, longest_wait}),
      others_return_(context_.return_time),
      alarm_(context_.strand, [this] { ask_due(); }) {}

void AnswerSender::send(InstanceId target, Answer&& answer) {
  const auto deadline = answer.made_at + answer.useful_for;
  newest_made_at_ = answer.made_at;
  if (answer.kind == Answer::Kind::response) {
    ++unsettled_;
    publish({target, std::move(answer.message), deadline, std::move(answer.deliveries),
             answer.accepts});
    return;
  }
  context_.packer->send_hint({target, answer.accepts}, answer.message, deadline);
}

void AnswerSender::clear() {
  counters_.answers_lost.add(unsettled_);
  unsettled_ = 0;
  ++session_;
  parked_.clear();
  others_return_.close();
  others_ = 0;
  others_noted_at_ = {};
  alarm_.set(std::nullopt);
}

void AnswerSender::publish(OutgoingResponse&& response) {
  if (response.may_have_arrived || response.has_waited) {
    publish_again(std::move(response));
  } else {
    context_.packer->send_response(std::move(response));
  }
}

void AnswerSender::publish_again(OutgoingResponse&& response) {
  auto sent = std::make_unique<OutgoingResponse>(std::move(response));
  const OutgoingResponse& again = *sent;
  auto on_outcome = [weak = weak_from_this(), session = session_,
                     sent = std::move(sent)](const redis::Outcome& outcome) {
    const auto self = weak.lock();
    if (self && self->session_ == session) self->on_published(std::move(*sent), outcome);
  };
  if (again.may_have_arrived) {
    context_.channels->publish_again(again.target, again.message, "", again.deadline,
                                     std::move(on_outcome));
  } else {
    context_.channels->publish_to_listener(again.target, again.message, again.deadline,
                                           std::move(on_outcome));
  }
}

void AnswerSender::on_published(OutgoingResponse&& response, const redis::Outcome& outcome) {
  const bool was_counted = is_received(outcome);
  if (was_counted) note_others(response.target);
  // The script, by which those that have waited are published, has looked who listens.
  if (was_counted && (response.has_waited || outcome.reply.integer > others_)) {
    if (response.deliveries) ++*response.deliveries;
    return settle();
  }
  on_not_received(std::move(response), outcome);
}

void AnswerSender::on_not_received(OutgoingResponse response, const redis::Outcome& outcome) {
  switch (outcome.failure) {
    case redis::Failure::none:
      break;
    case redis::Failure::disconnected:
      response.may_have_arrived = true;
      if (outcome.suspect_size > 0 && ++response.suspected_losses >= redis::convicting_losses) {
        return refuse_size(std::move(response));
      }
      try_later(std::move(response));
      return;
    case redis::Failure::expired:
      lose("Redis did not come back in time");
      return;
    case redis::Failure::overflow:
      if (response.has_waited) return try_later(std::move(response));
      lose("too much waits for Redis (MeshLimits::queued_bytes)");
      return;
    case redis::Failure::stopped:
      return;
  }
  if (redis::is_size_refusal(outcome.reply)) return refuse_size(std::move(response));
  if (outcome.reply.is_error() && !redis::is_worth_retrying(outcome.reply)) {
    lose("it was refused: " + outcome.reply.text);
    return;
  }
  // Also where nobody owns the caller's id: after a loss of data it may not have registered yet.
  try_later(std::move(response), is_received(outcome));
}

// The caller learns why there is no response.
void AnswerSender::refuse_size(OutgoingResponse response) {
  constexpr std::size_t enough = std::size_t{4} << 10U;
  const std::string& message = response.message;
  const std::size_t size = message.size();
  const auto id = wire::describe_oversized(message.substr(0, enough), size).response;
  const std::string reason = "the response is " + redis::describe_too_large(size);
  if (!id || size < redis::least_suspect_size) return lose(reason);
  log_.warn(Clock::now(), reason);
  response.message = wire::encode_error(id->view(), reason);
  try_later(std::move(response));
}

// Asked now and then, since it holds for all callers and each response would cost a question. A
// look at the clock for each would cost as well, so time is that of the newest answer.
void AnswerSender::note_others(InstanceId caller) {
  const auto now = newest_made_at_;
  if (context_.channels->is_spread() || now < others_noted_at_ + others_are_known_for) return;
  others_noted_at_ = now;
  context_.channels->ask_listeners(
      caller, now + others_are_known_for,
      [weak = weak_from_this(), session = session_](const NodeChannels::Answer& answer) {
        const auto self = weak.lock();
        if (self && self->session_ == session && answer.found) {
          self->others_ = answer.found->others;
        }
      });
}

// Waiting -----------------------------------------------------------------------------------------

void AnswerSender::try_later(OutgoingResponse response, bool was_counted) {
  const auto now = Clock::now();
  if (now >= response.deadline) {
    lose_late(response);
  } else if (!parked_.has_room_for(response)) {
    // So many can hardly have been received by others only.
    if (was_counted) return settle();
    lose(response.may_have_arrived
             ? "too many wait to be published again (MeshLimits::queued_bytes)"
             : "too many wait for callers that do not listen (MeshLimits::queued_bytes)");
  } else {
    const auto ask_at = now + retry_delay(response.attempts++, random_);
    parked_.add(std::move(response), now, ask_at);
    alarm_.set(parked_.next_due());
  }
}

void AnswerSender::ask_due() {
  const auto now = Clock::now();
  while (const auto caller = parked_.take_due(now)) ask(*caller);
  alarm_.set(parked_.next_due());
}

// One question for all responses to this caller, rather than each of them again.
void AnswerSender::ask(InstanceId caller) {
  context_.channels->ask_listeners(
      caller, Clock::now() + longest_question,
      [weak = weak_from_this(), caller, session = session_](const NodeChannels::Answer& answer) {
        const auto self = weak.lock();
        if (self && self->session_ == session) self->on_listeners(caller, answer);
      });
}

void AnswerSender::on_listeners(InstanceId caller, const NodeChannels::Answer& answer) {
  if (answer.failure == redis::Failure::stopped) return;
  const bool was_asked = answer.failure == redis::Failure::none;
  const std::optional<Listeners>& found = answer.found;
  if (found) others_ = found->others;
  if (found && found->own == 0 && !found->heartbeat && !others_return_.is_open(Clock::now())) {
    for (std::size_t left = parked_.take(caller, all).size(); left > 0; --left) {
      lose("its caller is gone");
    }
  } else if (!was_asked || (found && found->own == 0)) {
    lose_expired(caller);
    ask_later(caller);
  } else {
    release(caller);
  }
  alarm_.set(parked_.next_due());
}

// Also what was counted before: only others may have received it, and a caller that has it already
// drops it.
void AnswerSender::release(InstanceId caller) {
  auto taken = parked_.take(caller, responses_at_once);
  if (taken.empty()) return;
  const auto now = Clock::now();
  const OutgoingResponse* const next = parked_.first(caller);
  if (next != nullptr && next->attempts > taken.front().attempts) {
    ask_later(caller);  // all have been tried
  } else {
    parked_.ask_again(caller, now + pause_between_responses);
  }
  for (OutgoingResponse& response : taken) {
    if (response.deadline <= now) {
      lose_late(response);
    } else {
      ++counters_.answers_resent;
      publish(std::move(response));
    }
  }
}

void AnswerSender::ask_later(InstanceId caller) {
  if (OutgoingResponse* const first = parked_.first(caller)) {
    parked_.ask_again(caller, Clock::now() + retry_delay(first->attempts++, random_));
  }
}

void AnswerSender::lose_expired(InstanceId caller) {
  for (const OutgoingResponse& response : parked_.take_expired(caller, Clock::now())) {
    lose_late(response);
  }
}

void AnswerSender::lose_late(const OutgoingResponse& response) {
  lose(response.may_have_arrived ? "its caller did not listen in time, or must not get it twice"
                                 : "its caller did not listen in time");
}

void AnswerSender::lose(const std::string& reason) {
  ++counters_.answers_lost;
  log_.warn(Clock::now(), "a response is lost: " + reason);
  settle();
}

void AnswerSender::settle() {
  --unsettled_;
  if (unsettled_ == 0 && context_.on_idle) context_.on_idle();
}

}  // namespace mesh::core
