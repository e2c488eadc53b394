#include <core/waiting_requests.hpp>

#include <algorithm>
#include <utility>

#include <core/heartbeat_interval.hpp>

namespace mesh::core {

bool WaitingRequests::has_room_for(const wire::Request& request) const {
  // What is removed costs a little until its turn comes.
  const bool is_short = size() < limits_.requests && order_.size() < 2 * limits_.requests;
  return is_short && bytes_ + request.size <= limits_.bytes;
}

void WaitingRequests::push(WaitingRequest waiting) {
  bytes_ += waiting.request.size;
  const TimePoint overdue_at = waiting.arrived_at + limits_.time;
  Slot& slot = order_.emplace_back(std::move(waiting), overdue_at);
  by_id_.emplace(slot.waiting.request.request_id, &slot);
  by_heartbeat_.insert(by_heartbeat_.end(), slot);
}

WaitingRequest* WaitingRequests::find(const RequestId& id) {
  if (by_id_.empty()) return nullptr;  // as usual
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &found->second->waiting;
}

void WaitingRequests::take_out(Slot& slot) {
  by_heartbeat_.erase(by_heartbeat_.iterator_to(slot));
  by_id_.erase(slot.waiting.request.request_id);
  bytes_ -= slot.waiting.request.size;
}

void WaitingRequests::drop_removed() {
  while (!order_.empty() && order_.front().is_removed) order_.pop_front();
}

void WaitingRequests::remove(const RequestId& id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  Slot& slot = *found->second;
  take_out(slot);
  slot.is_removed = true;
  slot.waiting.request = {};
  drop_removed();
}

std::optional<WaitingRequest> WaitingRequests::pop() {
  if (order_.empty()) return std::nullopt;
  Slot& slot = order_.front();
  take_out(slot);
  std::optional<WaitingRequest> waiting(std::move(slot.waiting));
  order_.pop_front();
  drop_removed();
  return waiting;
}

std::optional<WaitingRequest> WaitingRequests::pop_overdue(TimePoint now) {
  if (order_.empty() || order_.front().overdue_at > now) return std::nullopt;
  return pop();
}

WaitingRequest* WaitingRequests::take_due_heartbeat(TimePoint now) {
  if (by_heartbeat_.empty()) return nullptr;
  Slot& slot = *by_heartbeat_.begin();
  if (slot.waiting.next_heartbeat > now) return nullptr;
  by_heartbeat_.erase(by_heartbeat_.begin());
  slot.waiting.next_heartbeat = now + heartbeat_interval(slot.waiting.timeout);
  by_heartbeat_.insert(by_heartbeat_.end(), slot);
  return &slot.waiting;
}

std::optional<TimePoint> WaitingRequests::next_event() const {
  if (order_.empty()) return std::nullopt;
  return std::min(order_.front().overdue_at, by_heartbeat_.begin()->waiting.next_heartbeat);
}

std::vector<WaitingRequest> WaitingRequests::drain() {
  std::vector<WaitingRequest> all;
  all.reserve(size());
  while (auto waiting = pop()) all.push_back(std::move(*waiting));
  return all;
}

}  // namespace mesh::core
