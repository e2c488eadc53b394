#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace mesh::core {

/// Handlers by message type, usable from any thread.
template <typename Handler>
class HandlerTable {
 public:
  /// Replaces what is there.
  void set(std::string_view type, std::shared_ptr<Handler> handler) {
    // The old handler is destroyed after unlocking: what it holds may call back.
    const std::lock_guard lock(mutex_);
    std::swap(handlers_[std::string(type)], handler);
  }

  /// Null if there is none.
  std::shared_ptr<Handler> find(std::string_view type) const {
    const std::lock_guard lock(mutex_);
    const auto found = handlers_.find(type);
    return found == handlers_.end() ? nullptr : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Handler>, std::less<>> handlers_;
};

}  // namespace mesh::core
