#include <core/listener_check.hpp>

#include <utility>

namespace mesh::core {

ListenerCheck::ListenerCheck(std::shared_ptr<NodeChannels> channels, OnAnswer on_answer)
    : channels_(std::move(channels)), on_answer_(std::move(on_answer)) {}

void ListenerCheck::ask(InstanceId target, const RequestId& request_id) {
  auto& waiting = questions_[target];
  waiting.push_back(request_id);
  if (waiting.size() > 1) return;
  channels_->ask_listeners(target, TimePoint::max(),
                           [weak = weak_from_this(), target,
                            asked_at = Clock::now()](const NodeChannels::Answer& answer) {
                             if (const auto self = weak.lock()) {
                               self->on_reply(target, asked_at, answer.found);
                             }
                           });
}

void ListenerCheck::clear() {
  questions_.clear();
  answered_at_.reset();
}

void ListenerCheck::on_reply(InstanceId target, TimePoint asked_at,
                             const std::optional<Listeners>& found) {
  const auto question = questions_.extract(target);
  if (question.empty()) return;
  if (found) {
    answered_at_ = asked_at;
    others_ = found->others;
  }
  for (const RequestId& request_id : question.mapped()) on_answer_(request_id, found);
}

}  // namespace mesh::core
