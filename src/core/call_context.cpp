#include <mesh/call_context.hpp>

#include <utility>

#include <mesh/detail/core_handle.hpp>

#include <core/call_options.hpp>
#include <core/served_call.hpp>

namespace mesh {

InstanceId CallContext::sender() const noexcept { return call_->request.sender; }

const std::string& CallContext::type() const noexcept { return call_->request.type; }

std::string_view CallContext::request_id() const noexcept {
  return call_->request.request_id.view();
}

std::chrono::milliseconds CallContext::timeout() const noexcept { return call_->timeout; }

std::optional<std::chrono::steady_clock::time_point> CallContext::deadline() const noexcept {
  return call_->deadline;
}

const Headers& CallContext::headers() const noexcept { return call_->request.headers; }

bool CallContext::is_cancelled() const noexcept {
  return call_->is_cancelled() || (call_->deadline && *call_->deadline <= Clock::now());
}

Headers CallContext::trace() const { return detail::trace_of(*call_); }

void CallContext::set_trace(Headers trace) const { call_->set_trace(std::move(trace)); }

void CallContext::keep(const Interceptor& owner, std::shared_ptr<void> object) const {
  call_->keep(owner, std::move(object));
}

std::shared_ptr<void> CallContext::take(const Interceptor& owner) const {
  return call_->take(owner);
}

namespace detail {

void note_begin(const CallContext& call) noexcept {
  if (call.call_) call.call_->has_begun = true;
}

bool has_begun(const CallContext& call) noexcept { return call.call_ && call.call_->has_begun; }

void cancel_context(const CallContext& call) {
  if (call.call_) call.call_->cancel();
}

std::shared_ptr<const core::ServedCall> state_of(const CallContext* call) noexcept {
  return call != nullptr ? call->call_ : nullptr;
}

}  // namespace detail

}  // namespace mesh
