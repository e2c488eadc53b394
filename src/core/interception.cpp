#include <core/interception.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <mesh/detail/core_handle.hpp>
#include <mesh/detail/interception.hpp>
#include <mesh/errors.hpp>

#include <core/call_options.hpp>
#include <core/served_call.hpp>
#include <util/describe_error.hpp>

namespace mesh {

void Interceptor::before_call(CallStart& /*call*/) {}
void Interceptor::after_call(const CallEnd& /*call*/) {}
void Interceptor::before_handler(const CallContext& /*call*/) {}
void Interceptor::after_handler(const CallContext& /*call*/, const HandlerEnd& /*end*/) {}

namespace core {

namespace {

/// Of what an interceptor threw.
std::exception_ptr refusal_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const MeshRefusedError& refused) {
    if (refused.executed() == Executed::no) return error;
    return std::make_exception_ptr(MeshRefusedError(refused.what(), refused.reason()));
  } catch (...) {
    return std::make_exception_ptr(MeshRefusedError(describe_error(error), Refusal::refused));
  }
}

}  // namespace

/// Calls `before(index)` for each, in their order. If one throws, `after(index, refusal, duration)`
/// for those that had agreed.
template <typename Before, typename After>
void Interception::ask_all(Before before, After after) const {
  const auto begun_at = Clock::now();
  std::size_t agreed = 0;
  try {
    for (; agreed < interceptors_.size(); ++agreed) before(agreed);
  } catch (...) {
    const std::exception_ptr refusal = refusal_of(std::current_exception());
    const auto duration = Clock::now() - begun_at;
    tell_first(agreed, [&](std::size_t index) { after(index, refusal, duration); });
    std::rethrow_exception(refusal);
  }
}

/// Calls `after(index)` for the first so many, the last of them first.
template <typename After>
void Interception::tell_first(std::size_t count, After after) const noexcept {
  while (count > 0) {
    try {
      after(--count);
    } catch (...) {
      log_(LogLevel::error, "an interceptor failed: " + describe_error(std::current_exception()));
    }
  }
}

Interception::Kept Interception::before_call(CallStart& call) const {
  Kept kept;
  ask_all(
      [&](std::size_t index) {
        call.kept = nullptr;
        interceptors_[index]->before_call(call);
        if (!call.kept) return;
        kept.resize(interceptors_.size());
        kept[index] = std::move(call.kept);
      },
      [&](std::size_t index, const std::exception_ptr& refusal, Clock::duration duration) {
        CallEnd end{call.target, call.type, call.is_local, refusal, duration};
        tell_end(index, end, kept);
      });
  return kept;
}

void Interception::before_handler(const CallContext& call) const {
  const auto before = [&](std::size_t index) { interceptors_[index]->before_handler(call); };
  const auto after = [&](std::size_t index, const std::exception_ptr& refusal,
                         Clock::duration duration) {
    interceptors_[index]->after_handler(call, {refusal, duration});
  };
  try {
    ask_all(before, after);
  } catch (...) {
    detail::state_of(&call)->drop_kept();
    throw;
  }
}

void Interception::after_call(CallEnd& call, const Kept& kept) const noexcept {
  tell_first(interceptors_.size(), [&](std::size_t index) { tell_end(index, call, kept); });
}

void Interception::tell_end(std::size_t index, CallEnd& call, const Kept& kept) const {
  call.kept = index < kept.size() ? kept[index] : nullptr;
  interceptors_[index]->after_call(call);
}

void Interception::after_handler(const CallContext& call, const HandlerEnd& end) const noexcept {
  if (gate_->is_open()) {
    tell_first(interceptors_.size(),
               [&](std::size_t index) { interceptors_[index]->after_handler(call, end); });
  }
  detail::state_of(&call)->drop_kept();
}

}  // namespace core

namespace detail {

class WatchedCall {
 public:
  WatchedCall(std::shared_ptr<const core::Interception> interception, const CallStart& call,
              core::Interception::Kept kept, TimePoint begun_at)
      : interception_(std::move(interception)),
        kept_(std::move(kept)),
        target_(call.target),
        type_(call.type),
        is_local_(call.is_local),
        begun_at_(begun_at) {}

  void end(const std::exception_ptr& error) const noexcept {
    CallEnd end{target_, type_, is_local_, error, Clock::now() - begun_at_};
    interception_->after_call(end, kept_);
  }

 private:
  std::shared_ptr<const core::Interception> interception_;
  core::Interception::Kept kept_;
  InstanceId target_;
  std::string type_;
  bool is_local_;
  TimePoint begun_at_;
};

std::shared_ptr<WatchedCall> begin_watched_call(
    const std::shared_ptr<const core::Interception>& interception, InstanceId target,
    std::string_view type, bool is_local, InvokeOptions& options, std::optional<Headers>& headers) {
  CallStart call{
      target, type, is_local, options.timeout, deadline_of(options), headers_of(options)};
  const auto begun_at = Clock::now();
  auto kept = interception->before_call(call);
  auto watched = std::make_shared<WatchedCall>(interception, call, std::move(kept), begun_at);
  headers = std::move(call.headers);
  options.headers = &*headers;
  return watched;
}

void end_watched_call(WatchedCall& call, const std::exception_ptr& error) noexcept {
  call.end(error);
}

}  // namespace detail

}  // namespace mesh
