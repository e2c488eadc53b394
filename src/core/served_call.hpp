#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include <mesh/headers.hpp>

#include <async/strand.hpp>
#include <wire/messages.hpp>

namespace mesh {
class Interceptor;
}

namespace mesh::core {

/// A request and what becomes of it, while its handler runs and for as long as somebody keeps its
/// `CallContext`. It is cancelled once nobody will take the response. That and what is derived from
/// it may be used from any thread.
class ServedCall {
 public:
  ServedCall() = default;
  ServedCall(wire::Request&& request_, std::chrono::milliseconds timeout_,
             std::optional<TimePoint> deadline_)
      : request(std::move(request_)), timeout(timeout_), deadline(deadline_) {}

  wire::Request request{};
  std::chrono::milliseconds timeout{0};  ///< As the caller said, or the default.
  std::optional<TimePoint> deadline{};
  mutable bool has_begun = false;  ///< The request fits its handler, which runs or has run.

  bool is_cancelled() const noexcept { return cancelled_; }

  void cancel() {
    if (cancelled_.exchange(true)) return;
    std::vector<OnCancel> calls;
    {
      const std::lock_guard lock(mutex_);
      calls = std::exchange(on_cancel_, {});
    }
    for (OnCancel& call : calls) call(true);
  }

  /// `cancel` is called with what `dependent` points to, if that is still there, when this is
  /// cancelled; at once if it has been.
  template <typename Dependent, typename Cancel>
  void when_cancelled(const std::shared_ptr<Dependent>& dependent, Cancel cancel) const {
    OnCancel on_cancel = [weak = std::weak_ptr(dependent), cancel](bool is_cancelled) {
      const auto found = weak.lock();
      if (found && is_cancelled) cancel(found);
      return found != nullptr;
    };
    {
      const std::lock_guard lock(mutex_);
      if (!cancelled_) {
        if (on_cancel_.size() >= next_look_) drop_useless();
        on_cancel_.push_back(std::move(on_cancel));
        return;
      }
    }
    on_cancel(true);
  }

  /// What calls on its behalf take over instead of the request's trace; null: nothing else.
  std::shared_ptr<const Headers> trace() const {
    const std::lock_guard lock(mutex_);
    return trace_;
  }
  void set_trace(Headers trace) {
    auto replacement = std::make_shared<const Headers>(std::move(trace));
    const std::lock_guard lock(mutex_);
    trace_.swap(replacement);
  }

  /// Objects that interceptors leave here until they take them, or until the handler has ended.
  void keep(const Interceptor& owner, std::shared_ptr<void> object) {
    const std::lock_guard lock(mutex_);
    kept_.emplace_back(&owner, std::move(object));
  }
  std::shared_ptr<void> take(const Interceptor& owner) {
    const std::lock_guard lock(mutex_);
    const auto is_its = [&](const auto& kept) { return kept.first == &owner; };
    const auto found = std::find_if(kept_.rbegin(), kept_.rend(), is_its);
    if (found == kept_.rend()) return nullptr;
    auto object = std::move(found->second);
    kept_.erase(std::next(found).base());
    return object;
  }
  void drop_kept() const {
    Kept dropped;  // outlives the lock, as destructors of users may come back here
    const std::lock_guard lock(mutex_);
    dropped.swap(kept_);
  }

 private:
  using Kept = std::vector<std::pair<const Interceptor*, std::shared_ptr<void>>>;
  /// With false it only says whether it is still of use.
  using OnCancel = std::function<bool(bool is_cancelled)>;

  void drop_useless() const {
    std::erase_if(on_cancel_, [](OnCancel& call) { return !call(false); });
    next_look_ = 2 * on_cancel_.size() + 16;
  }

  std::atomic<bool> cancelled_{false};
  mutable std::mutex mutex_;
  mutable std::vector<OnCancel> on_cancel_;
  mutable std::size_t next_look_ = 16;
  std::shared_ptr<const Headers> trace_;
  mutable Kept kept_;
};

}  // namespace mesh::core
