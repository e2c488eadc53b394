#include <core/listener_check.hpp>

#include <charconv>
#include <utility>

#include <scripts/who_listens.lua.hpp>

#include <redis/command.hpp>

namespace mesh::core {

std::optional<std::int64_t> parse_heartbeat(const redis::Reply& score) {
  if (score.kind != redis::Reply::Kind::text) return std::nullopt;
  std::int64_t time = 0;  // also where others have put anything into the set
  std::from_chars(score.text.data(), score.text.data() + score.text.size(), time);
  return time;
}

redis::Command who_listens_command(const Keys& keys, InstanceId target) {
  return {"EVAL",
          scripts::who_listens,
          "1",
          keys.heartbeats(),
          keys.node_channel(target),
          keys.nobodys_channel(),
          std::to_string(target)};
}

std::optional<Listeners> parse_listeners(const redis::Reply& reply) {
  if (reply.kind != redis::Reply::Kind::array || reply.elements.size() != 3) return std::nullopt;
  Listeners found;
  found.own = reply.elements[0].integer;
  found.others = reply.elements[1].integer;
  found.heartbeat = parse_heartbeat(reply.elements[2]);
  return found;
}

ListenerCheck::ListenerCheck(std::shared_ptr<redis::Client> commands, Keys keys, OnAnswer on_answer)
    : commands_(std::move(commands)), keys_(std::move(keys)), on_answer_(std::move(on_answer)) {}

void ListenerCheck::ask(InstanceId target, const RequestId& request_id) {
  auto& waiting = questions_[target];
  waiting.push_back(request_id);
  if (waiting.size() > 1) return;
  commands_->submit(
      who_listens_command(keys_, target), TimePoint::max(),
      [weak = weak_from_this(), target, asked_at = Clock::now()](const redis::Outcome& outcome) {
        if (const auto self = weak.lock()) self->on_reply(target, asked_at, outcome);
      });
}

void ListenerCheck::clear() {
  questions_.clear();
  answered_at_.reset();
}

void ListenerCheck::on_reply(InstanceId target, TimePoint asked_at, const redis::Outcome& outcome) {
  const auto question = questions_.extract(target);
  if (question.empty()) return;
  std::optional<Listeners> found;
  if (outcome.failure == redis::Failure::none) found = parse_listeners(outcome.reply);
  if (found) {
    answered_at_ = asked_at;
    others_ = found->others;
  }
  for (const RequestId& request_id : question.mapped()) on_answer_(request_id, found);
}

}  // namespace mesh::core
