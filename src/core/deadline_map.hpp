#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace mesh::core {

/// Values by key, each with a deadline that can be moved. Time is passed in, never read.
template <typename Key, typename Value>
class DeadlineMap {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// False, changing nothing, if the key is taken.
  bool insert(Key key, Value value, TimePoint deadline) {
    const auto [entry, added] = entries_.try_emplace(std::move(key), Entry{std::move(value), {}});
    if (added) entry->second.order = order_.emplace(deadline, &entry->first);
    return added;
  }

  Value* find(const Key& key) {
    const auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : &found->second.value;
  }

  /// False if there is no such key.
  bool move_deadline(const Key& key, TimePoint deadline) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return false;
    order_.erase(found->second.order);
    found->second.order = order_.emplace(deadline, &found->first);
    return true;
  }

  std::optional<Value> extract(const Key& key) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return std::nullopt;
    order_.erase(found->second.order);
    std::optional<Value> value(std::move(found->second.value));
    entries_.erase(found);
    return value;
  }

  std::optional<TimePoint> deadline_of(const Key& key) const {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return std::nullopt;
    return found->second.order->first;
  }

  std::vector<Key> keys() const {
    std::vector<Key> keys;
    keys.reserve(entries_.size());
    for (const auto& [deadline, key] : order_) keys.push_back(*key);
    return keys;
  }

  std::optional<TimePoint> next_deadline() const {
    if (order_.empty()) return std::nullopt;
    return order_.begin()->first;
  }

  /// The key whose deadline is the earliest of those at or before `now`.
  std::optional<Key> first_due(TimePoint now) const {
    if (order_.empty() || order_.begin()->first > now) return std::nullopt;
    return *order_.begin()->second;
  }

  /// Takes everything out, earliest deadline first.
  std::vector<Value> drain() {
    std::vector<Value> values;
    values.reserve(entries_.size());
    for (const auto& [deadline, key] : order_) {
      values.push_back(std::move(entries_.find(*key)->second.value));
    }
    order_.clear();
    entries_.clear();
    return values;
  }

  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }

 private:
  using Order = std::multimap<TimePoint, const Key*>;
  struct Entry {
    Value value;
    typename Order::iterator order;
  };

  std::unordered_map<Key, Entry> entries_;
  Order order_;
};

}  // namespace mesh::core
