#include <core/waiting_requests.hpp>

#include <algorithm>
#include <utility>

#include <core/heartbeat_interval.hpp>

namespace mesh::core {

bool WaitingRequests::has_room_for(const wire::Request& request) const {
  return order_.size() < limits_.requests && bytes_ + request.size <= limits_.bytes;
}

void WaitingRequests::push(WaitingRequest waiting) {
  const RequestId id = waiting.request.request_id;
  const TimePoint heartbeat = waiting.next_heartbeat;
  bytes_ += waiting.request.size;
  order_.push_back(Place{id, waiting.arrived_at + limits_.time});
  requests_.insert(id, std::move(waiting), heartbeat);
}

std::optional<WaitingRequest> WaitingRequests::pop() {
  if (order_.empty()) return std::nullopt;
  auto waiting = requests_.extract(order_.front().id);
  order_.pop_front();
  bytes_ -= waiting->request.size;
  return waiting;
}

std::optional<WaitingRequest> WaitingRequests::pop_overdue(TimePoint now) {
  if (order_.empty() || order_.front().overdue_at > now) return std::nullopt;
  return pop();
}

WaitingRequest* WaitingRequests::take_due_heartbeat(TimePoint now) {
  const auto due = requests_.first_due(now);
  if (!due) return nullptr;
  WaitingRequest* const waiting = requests_.find(*due);
  waiting->next_heartbeat = now + heartbeat_interval(waiting->timeout);
  requests_.move_deadline(*due, waiting->next_heartbeat);
  return waiting;
}

std::optional<TimePoint> WaitingRequests::next_event() const {
  if (order_.empty()) return std::nullopt;
  return std::min(order_.front().overdue_at, *requests_.next_deadline());
}

std::vector<WaitingRequest> WaitingRequests::drain() {
  std::vector<WaitingRequest> all;
  all.reserve(order_.size());
  while (auto waiting = pop()) all.push_back(std::move(*waiting));
  return all;
}

}  // namespace mesh::core
