#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/intrusive/set.hpp>

namespace mesh::core {

/// Values by key, each with a deadline that can be moved. Time is passed in, never read.
template <typename Key, typename Value>
class DeadlineMap {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

 private:
  struct Entry : boost::intrusive::set_base_hook<
                     boost::intrusive::link_mode<boost::intrusive::normal_link>> {
    std::optional<Value> value{};
    TimePoint deadline{};
    const Key* key = nullptr;
  };
  using Node = typename std::unordered_map<Key, Entry>::node_type;

 public:
  /// What was taken out, or nothing, as a pointer to it that owns it. The map must outlive it.
  class Taken {
   public:
    Taken() = default;
    Taken(Taken&&) noexcept = default;
    Taken& operator=(Taken&&) = delete;
    Taken(const Taken&) = delete;
    Taken& operator=(const Taken&) = delete;
    ~Taken() {
      if (!node_.empty()) map_->take_back(std::move(node_));
    }
    explicit operator bool() const { return !node_.empty(); }
    Value& operator*() const { return *node_.mapped().value; }
    Value* operator->() const { return &*node_.mapped().value; }

   private:
    friend DeadlineMap;
    Taken(DeadlineMap& map, Node&& node) : map_(&map), node_(std::move(node)) {}

    DeadlineMap* map_ = nullptr;
    Node node_{};
  };

  DeadlineMap() = default;
  DeadlineMap(const DeadlineMap&) = delete;
  DeadlineMap& operator=(const DeadlineMap&) = delete;
  ~DeadlineMap() { order_.clear(); }

  /// Returns the value in its place, good until it is taken out; null, changing nothing, if the key
  /// is taken.
  Value* insert(const Key& key, Value&& value, TimePoint deadline) {
    const auto [place, added] = add_entry(key);
    if (!added) return nullptr;
    Entry& entry = place->second;
    try {
      entry.value.emplace(std::move(value));
    } catch (...) {
      entries_.erase(place);
      throw;
    }
    entry.deadline = deadline;
    entry.key = &place->first;
    put_in_order(entry);
    return &*entry.value;
  }

  Value* find(const Key& key) {
    const auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : &*found->second.value;
  }

  /// False if there is no such key.
  bool move_deadline(const Key& key, TimePoint deadline) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return false;
    Entry& entry = found->second;
    order_.erase(order_.iterator_to(entry));
    entry.deadline = deadline;
    put_in_order(entry);
    return true;
  }

  /// The value stays where it is in memory.
  Taken extract(const Key& key) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return Taken();
    order_.erase(order_.iterator_to(found->second));
    return Taken(*this, entries_.extract(found));
  }

  std::optional<TimePoint> deadline_of(const Key& key) const {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return std::nullopt;
    return found->second.deadline;
  }

  std::vector<Key> keys() const {
    std::vector<Key> keys;
    keys.reserve(entries_.size());
    for (const Entry& entry : order_) keys.push_back(*entry.key);
    return keys;
  }

  std::optional<TimePoint> next_deadline() const {
    if (order_.empty()) return std::nullopt;
    return order_.begin()->deadline;
  }

  /// The key whose deadline is the earliest of those at or before `now`.
  std::optional<Key> first_due(TimePoint now) const {
    if (order_.empty() || order_.begin()->deadline > now) return std::nullopt;
    return *order_.begin()->key;
  }

  /// Takes everything out, earliest deadline first.
  std::vector<Value> drain() {
    std::vector<Value> values;
    values.reserve(entries_.size());
    for (Entry& entry : order_) values.push_back(std::move(*entry.value));
    order_.clear();
    entries_.clear();
    return values;
  }

  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }

 private:
  struct Earlier {
    bool operator()(const Entry& left, const Entry& right) const {
      return left.deadline < right.deadline;
    }
  };

  static constexpr std::size_t most_spare_nodes = 256;

  /// Its place, and whether it was added: the key may be taken.
  std::pair<typename std::unordered_map<Key, Entry>::iterator, bool> add_entry(const Key& key) {
    if (spare_.empty()) {
      spare_.reserve(most_spare_nodes);
      return entries_.try_emplace(key);
    }
    Node& node = spare_.back();
    node.key() = key;
    auto added = entries_.insert(std::move(node));
    if (!added.inserted) {
      node = std::move(added.node);
    } else {
      spare_.pop_back();
    }
    return {added.position, added.inserted};
  }

  // Kept, since malloc() is slow at what comes and goes in bursts.
  void take_back(Node&& node) noexcept {
    node.mapped().value.reset();
    if (spare_.size() < spare_.capacity()) spare_.push_back(std::move(node));
  }

  // Mostly the latest of all, since most timeouts are alike.
  void put_in_order(Entry& entry) { order_.insert(order_.end(), entry); }

  std::unordered_map<Key, Entry> entries_;
  std::vector<Node> spare_;  // without values, with the keys they had
  boost::intrusive::multiset<Entry, boost::intrusive::compare<Earlier>> order_;
};

}  // namespace mesh::core
