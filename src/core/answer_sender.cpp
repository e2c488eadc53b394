#include <core/answer_sender.hpp>

#include <utility>

#include <core/publish_again.hpp>
#include <core/retry_delay.hpp>
#include <redis/command.hpp>
#include <redis/reply_errors.hpp>

namespace mesh::core {

AnswerSender::AnswerSender(Context context, Counters& counters)
    : context_(std::move(context)),
      counters_(counters),
      log_(context_.log),
      alarm_(context_.strand, [this] { try_due(); }) {}

void AnswerSender::send(InstanceId target, const Answer& answer) {
  const auto deadline = answer.made_at + answer.useful_for;
  if (answer.kind == Answer::Kind::response) {
    ++unsettled_;
    Response response{target, answer.message, deadline};
    response.run = run_;
    publish(response);
    return;
  }
  context_.commands->publish(context_.keys.node_channel(target, channel_), *answer.message,
                             deadline, [](const redis::Outcome&) {});
}

void AnswerSender::clear() {
  counters_.answers_lost += unsettled_;
  unsettled_ = 0;
  ++run_;
  waiting_.drain();
  waiting_bytes_ = 0;
  alarm_.set(std::nullopt);
}

void AnswerSender::publish(const Response& response) {
  const Keys& keys = context_.keys;
  const std::string& message = *response.message;
  auto on_outcome = [weak = weak_from_this(),
                     response = response](const redis::Outcome& outcome) mutable {
    if (const auto self = weak.lock()) self->on_published(std::move(response), outcome);
  };
  if (response.may_have_arrived) {
    context_.commands->submit(publish_again_command(keys, response.target, message, ""),
                              response.deadline, std::move(on_outcome));
  } else {
    context_.commands->publish(keys.node_channel(response.target, channel_), message,
                               response.deadline, std::move(on_outcome));
  }
}

void AnswerSender::on_published(Response response, const redis::Outcome& outcome) {
  if (response.run != run_) return;
  switch (outcome.failure) {
    case redis::Failure::none:
      break;
    case redis::Failure::disconnected:
      response.may_have_arrived = true;
      try_later(std::move(response));
      return;
    case redis::Failure::expired:
      lose("Redis did not come back in time");
      return;
    case redis::Failure::overflow:
      lose("too much waits for Redis (MeshLimits::queued_bytes)");
      return;
    case redis::Failure::stopped:
      return;
  }
  if (outcome.reply.is_error() && !redis::is_worth_retrying(outcome.reply)) {
    lose("it was refused: " + outcome.reply.text);
  } else if (is_received(outcome)) {
    settle();
  } else {
    // Also where nobody owns the caller's id: after a loss of data it may not have registered yet.
    try_later(std::move(response));
  }
}

void AnswerSender::try_later(Response response) {
  const auto at = Clock::now() + retry_delay(response.attempts++, random_);
  const std::size_t size = response.message->size();
  if (at >= response.deadline) {
    lose(response.may_have_arrived ? "its caller did not listen, or must not get it twice"
                                   : "its caller did not listen");
  } else if (waiting_bytes_ + size > context_.most_bytes) {
    lose("too many wait for callers that do not listen (MeshLimits::queued_bytes)");
  } else {
    waiting_bytes_ += size;
    waiting_.insert(next_++, std::move(response), at);
    alarm_.set(waiting_.next_deadline());
  }
}

void AnswerSender::try_due() {
  const auto now = Clock::now();
  while (const auto due = waiting_.first_due(now)) {
    auto response = waiting_.extract(*due);
    waiting_bytes_ -= response->message->size();
    ++counters_.answers_resent;
    publish(*response);
  }
  alarm_.set(waiting_.next_deadline());
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
