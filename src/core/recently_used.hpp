#pragma once

#include <cstddef>
#include <unordered_map>
#include <utility>

namespace mesh::core {

/// Remembers the values that were looked for last: at least `count` of them, and at most twice as
/// many. In two generations, of which the older one is forgotten when the younger one is full.
template <typename Key, typename Value>
class RecentlyUsed {
 public:
  explicit RecentlyUsed(std::size_t count) : count_(count) {}

  /// Null if it is not known. Valid until the next change or look.
  const Value* find(const Key& key) {
    if (const auto known = young_.find(key); known != young_.end()) return &known->second;
    auto known = old_.extract(key);
    return known.empty() ? nullptr : &insert(key, std::move(known.mapped()));
  }

  /// In place of a value of before.
  const Value& insert(const Key& key, Value value) {
    if (young_.size() >= count_) old_ = std::exchange(young_, {});
    old_.erase(key);
    return young_[key] = std::move(value);
  }

  void erase(const Key& key) {
    young_.erase(key);
    old_.erase(key);
  }

  void clear() {
    young_.clear();
    old_.clear();
  }

  std::size_t size() const { return young_.size() + old_.size(); }

 private:
  std::size_t count_;
  std::unordered_map<Key, Value> young_;
  std::unordered_map<Key, Value> old_;
};

}  // namespace mesh::core
