#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mesh::core {

/// Handlers by message type, usable from any thread.
template <typename Handler>
class HandlerTable {
 public:
  /// Replaces what is there. True if there was none, so that there is another type now.
  bool set(std::string_view type, std::shared_ptr<Handler> handler) {
    // The old handler is destroyed after unlocking: what it holds may call back.
    const std::lock_guard lock(mutex_);
    std::swap(handlers_[std::string(type)], handler);
    return handler == nullptr;
  }

  /// False if there is none.
  bool erase(std::string_view type) {
    std::shared_ptr<Handler> erased;  // destroyed after unlocking
    const std::lock_guard lock(mutex_);
    const auto found = handlers_.find(type);
    if (found == handlers_.end()) return false;
    erased = std::move(found->second);
    handlers_.erase(found);
    return true;
  }

  /// For all types that have none of their own and do not begin with `$`; null: they have none.
  /// True if there was none.
  bool set_fallback(std::shared_ptr<Handler> handler) {
    const std::lock_guard lock(mutex_);
    std::swap(fallback_, handler);
    return handler == nullptr;
  }

  /// In ascending order.
  std::vector<std::string> types() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> types;
    for (const auto& [type, handler] : handlers_) types.push_back(type);
    return types;
  }
  bool has_fallback() const {
    const std::lock_guard lock(mutex_);
    return fallback_ != nullptr;
  }

  bool contains(std::string_view type) const {
    const std::lock_guard lock(mutex_);
    return handlers_.contains(type) || (fallback_ && !type.starts_with('$'));
  }

  /// Null if there is none.
  std::shared_ptr<Handler> find(std::string_view type) const {
    const std::lock_guard lock(mutex_);
    const auto found = handlers_.find(type);
    if (found != handlers_.end()) return found->second;
    return type.starts_with('$') ? nullptr : fallback_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Handler>, std::less<>> handlers_;
  std::shared_ptr<Handler> fallback_;
};

}  // namespace mesh::core
