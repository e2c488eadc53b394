#include <core/call_options.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <mesh/detail/core_handle.hpp>
#include <mesh/errors.hpp>

#include <core/served_call.hpp>
#include <wire/encode.hpp>
#include <wire/header_limits.hpp>
#include <wire/json_string.hpp>

namespace mesh::detail {

namespace {

using std::chrono::milliseconds;

// Those of the W3C recommendations "Trace Context" and "Baggage".
constexpr std::string_view traceparent = "traceparent";
constexpr std::string_view tracestate = "tracestate";
constexpr std::string_view baggage = "baggage";

/// Unless there is one already.
void copy_header(const Headers& from, std::string_view name, Headers& headers) {
  const auto found = from.find(name);
  if (found != from.end() && headers.size() < wire::most_headers) headers.insert(*found);
}

bool is_utf8(std::string_view text) {
  try {
    std::string ignored;
    wire::append_json_string(ignored, text);
    return true;
  } catch (const std::domain_error&) {
    return false;
  }
}

void check_headers(const Headers& headers) {
  if (headers.size() > wire::most_headers) {
    throw MeshLimitError("a call may have " + std::to_string(wire::most_headers) +
                         " headers, and not " + std::to_string(headers.size()));
  }
  for (const auto& [name, text] : headers) {
    if (!wire::is_header_name(name)) {
      throw std::invalid_argument(
          "the name of a header must not be empty nor have control characters");
    }
    if (!is_utf8(name) || !is_utf8(text)) {
      throw std::invalid_argument("the header \"" + name.substr(0, 64) + "\" is not UTF-8");
    }
    if (name.size() > wire::longest_header || text.size() > wire::longest_header) {
      throw MeshLimitError("the header \"" + name.substr(0, 64) + "\" has more than " +
                           std::to_string(wire::longest_header) + " bytes in its name or its text");
    }
  }
}

}  // namespace

Headers trace_of(const core::ServedCall& call) {
  const auto set = call.trace();
  const Headers& from = set ? *set : call.request.headers;
  Headers trace;
  for (const std::string_view name : {traceparent, tracestate}) copy_header(from, name, trace);
  return trace;
}

Headers headers_of(const InvokeOptions& options) {
  Headers headers;
  if (options.headers != nullptr) headers = *options.headers;
  if (options.parent == nullptr) return headers;
  // Of another trace, its state says nothing.
  if (!headers.contains(traceparent)) {
    const Headers trace = options.parent->trace();
    for (const std::string_view name : {traceparent, tracestate}) copy_header(trace, name, headers);
  }
  copy_header(options.parent->headers(), baggage, headers);
  return headers;
}

std::optional<TimePoint> deadline_of(const InvokeOptions& options) {
  const auto outer = options.parent != nullptr ? options.parent->deadline() : std::nullopt;
  if (options.deadline == milliseconds::zero()) return outer;
  const TimePoint own = Clock::now() + options.deadline;
  return outer ? std::min(own, *outer) : own;
}

void check_options(const InvokeOptions& options) {
  check_timeout("InvokeOptions::timeout", options.timeout);
  check_timeout("InvokeOptions::deadline", options.deadline);
  if (options.headers != nullptr) check_headers(*options.headers);
}

void apply_options(OutgoingCall& call, const InvokeOptions& options,
                   std::shared_ptr<const std::string> type_owner) {
  call.timeout = options.timeout;
  if (options.deadline == milliseconds::zero() && options.headers == nullptr &&
      options.parent == nullptr && type_owner == nullptr) {
    return;
  }
  auto extras = std::make_shared<CallExtras>();
  extras->type_owner = std::move(type_owner);
  extras->deadline = deadline_of(options);
  if (const Headers headers = headers_of(options); !headers.empty()) {
    extras->headers = wire::encode_headers(headers);
  }
  extras->parent = state_of(options.parent);
  call.extras = std::move(extras);
}

CallContext make_local_context(InstanceId own_id, std::string_view type,
                               const InvokeOptions& options) {
  auto call = std::make_shared<core::ServedCall>();
  call->request.sender = own_id;
  call->request.type = type;
  call->request.headers = headers_of(options);
  call->deadline = deadline_of(options);
  if (const auto parent = state_of(options.parent)) {
    parent->when_cancelled(call, [](const auto& child) { child->cancel(); });
  }
  return CallContext(std::move(call));
}

}  // namespace mesh::detail
