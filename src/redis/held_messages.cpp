#include <redis/held_messages.hpp>

#include <utility>

namespace mesh::redis {

namespace {

// With what a short one takes besides.
std::size_t size_of(std::string_view payload) { return payload.size() + sizeof(std::string); }

}  // namespace

void HeldMessages::hold(std::string channel, std::size_t most_bytes) {
  most_bytes_ = most_bytes;
  held_.try_emplace(std::move(channel));
}

bool HeldMessages::keep(std::string_view channel, std::string_view payload) {
  const auto held = held_.find(channel);
  if (held == held_.end()) return false;
  if (bytes_ != 0 && bytes_ + size_of(payload) > most_bytes_) return false;
  held->second.emplace_back(payload);
  bytes_ += size_of(payload);
  return true;
}

void HeldMessages::release(std::string_view channel, const Take& take) {
  // What takes them may hold or drop others.
  for (const std::string& payload : end_hold(channel)) take(channel, payload);
}

void HeldMessages::drop(std::string_view channel) { end_hold(channel); }

std::vector<std::string> HeldMessages::end_hold(std::string_view channel) {
  const auto held = held_.find(channel);
  if (held == held_.end()) return {};
  std::vector<std::string> messages = std::move(held->second);
  held_.erase(held);
  for (const std::string& payload : messages) bytes_ -= size_of(payload);
  return messages;
}

}  // namespace mesh::redis
