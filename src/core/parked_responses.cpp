#include <core/parked_responses.hpp>

#include <algorithm>
#include <utility>

namespace mesh::core {

std::size_t ParkedResponses::size_of(const OutgoingResponse& response) {
  constexpr std::size_t blocks = 64;  // of memory, which have heads
  return sizeof(OutgoingResponse) + blocks + response.message.size();
}

bool ParkedResponses::has_room_for(const OutgoingResponse& response) const {
  return bytes_ + size_of(response) <= limits_.bytes;
}

void ParkedResponses::add(OutgoingResponse response, TimePoint now, TimePoint ask_at) {
  if (!std::exchange(response.has_waited, true)) {
    response.deadline = std::min(response.deadline, now + limits_.time);
  }
  bytes_ += size_of(response);
  const InstanceId caller = response.target;
  Queue* queue = callers_.find(caller);
  if (queue == nullptr) queue = callers_.insert(caller, Queue(), ask_at);
  queue->push_back(std::move(response));
}

std::optional<InstanceId> ParkedResponses::take_due(TimePoint now) {
  const auto caller = callers_.first_due(now);
  if (caller) callers_.move_deadline(*caller, TimePoint::max());
  return caller;
}

void ParkedResponses::ask_again(InstanceId caller, TimePoint at) {
  callers_.move_deadline(caller, at);
}

std::optional<TimePoint> ParkedResponses::next_due() const {
  const auto next = callers_.next_deadline();
  return next == TimePoint::max() ? std::nullopt : next;
}

OutgoingResponse* ParkedResponses::first(InstanceId caller) {
  Queue* const queue = callers_.find(caller);
  return queue == nullptr ? nullptr : &queue->front();
}

std::vector<OutgoingResponse> ParkedResponses::take(InstanceId caller, std::size_t most) {
  std::vector<OutgoingResponse> taken;
  Queue* const queue = callers_.find(caller);
  if (queue == nullptr) return taken;
  while (!queue->empty() && taken.size() < most) {
    note_taken(queue->front());
    taken.push_back(std::move(queue->front()));
    queue->pop_front();
  }
  forget_if_empty(caller, *queue);
  return taken;
}

std::vector<OutgoingResponse> ParkedResponses::take_expired(InstanceId caller, TimePoint now) {
  std::vector<OutgoingResponse> taken;
  Queue* const queue = callers_.find(caller);
  if (queue == nullptr) return taken;
  std::erase_if(*queue, [&](OutgoingResponse& response) {
    if (response.deadline > now) return false;
    note_taken(response);
    taken.push_back(std::move(response));
    return true;
  });
  forget_if_empty(caller, *queue);
  return taken;
}

void ParkedResponses::clear() {
  callers_.drain();
  bytes_ = 0;
}

void ParkedResponses::forget_if_empty(InstanceId caller, const Queue& queue) {
  if (queue.empty()) callers_.extract(caller);
}

void ParkedResponses::note_taken(const OutgoingResponse& response) { bytes_ -= size_of(response); }

}  // namespace mesh::core
