#include <core/interception.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <mesh/detail/core_handle.hpp>
#include <mesh/detail/interception.hpp>
#include <mesh/errors.hpp>

#include <core/call_options.hpp>
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

/// Calls `before(interceptor)` for each, in their order. If one throws, `after(interceptor,
/// refusal, duration)` for those that had agreed.
template <typename Before, typename After>
void Interception::ask_all(Before before, After after) const {
  const auto begun_at = Clock::now();
  std::size_t agreed = 0;
  try {
    for (; agreed < interceptors_.size(); ++agreed) before(*interceptors_[agreed]);
  } catch (...) {
    const std::exception_ptr refusal = refusal_of(std::current_exception());
    const auto duration = Clock::now() - begun_at;
    tell_first(agreed, [&](Interceptor& each) { after(each, refusal, duration); });
    std::rethrow_exception(refusal);
  }
}

/// Calls `after(interceptor)` for the first so many, the last of them first.
template <typename After>
void Interception::tell_first(std::size_t count, After after) const noexcept {
  while (count > 0) {
    try {
      after(*interceptors_[--count]);
    } catch (...) {
      log_(LogLevel::error, "an interceptor failed: " + describe_error(std::current_exception()));
    }
  }
}

void Interception::before_call(CallStart& call) const {
  ask_all([&](Interceptor& each) { each.before_call(call); },
          [&](Interceptor& each, const std::exception_ptr& refusal, Clock::duration duration) {
            each.after_call({call.target, call.type, call.is_local, refusal, duration});
          });
}

void Interception::before_handler(const CallContext& call) const {
  ask_all([&](Interceptor& each) { each.before_handler(call); },
          [&](Interceptor& each, const std::exception_ptr& refusal, Clock::duration duration) {
            each.after_handler(call, {refusal, duration});
          });
}

void Interception::after_call(const CallEnd& call) const noexcept {
  tell_first(interceptors_.size(), [&](Interceptor& each) { each.after_call(call); });
}

void Interception::after_handler(const CallContext& call, const HandlerEnd& end) const noexcept {
  if (!gate_->is_open()) return;
  tell_first(interceptors_.size(), [&](Interceptor& each) { each.after_handler(call, end); });
}

}  // namespace core

namespace detail {

class WatchedCall {
 public:
  WatchedCall(std::shared_ptr<const core::Interception> interception, const CallStart& call,
              TimePoint begun_at)
      : interception_(std::move(interception)),
        target_(call.target),
        type_(call.type),
        is_local_(call.is_local),
        begun_at_(begun_at) {}

  void end(const std::exception_ptr& error) const noexcept {
    interception_->after_call({target_, type_, is_local_, error, Clock::now() - begun_at_});
  }

 private:
  std::shared_ptr<const core::Interception> interception_;
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
  interception->before_call(call);
  auto watched = std::make_shared<WatchedCall>(interception, call, begun_at);
  headers = std::move(call.headers);
  options.headers = &*headers;
  return watched;
}

void end_watched_call(WatchedCall& call, const std::exception_ptr& error) noexcept {
  call.end(error);
}

}  // namespace detail

}  // namespace mesh
