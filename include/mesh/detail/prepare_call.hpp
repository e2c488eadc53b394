#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <mesh/call_context.hpp>
#include <mesh/detail/call.hpp>
#include <mesh/detail/core_handle.hpp>
#include <mesh/detail/handler.hpp>
#include <mesh/detail/interception.hpp>
#include <mesh/detail/local_call.hpp>
#include <mesh/detail/payload.hpp>
#include <mesh/errors.hpp>
#include <mesh/headers.hpp>
#include <mesh/node.hpp>
#include <mesh/options.hpp>

namespace mesh::detail {

/// Takes what a call needs of its arguments. What is wrong with them is in its `error`.
template <typename Request, typename Response, typename Given>
PreparedCall<Request, Response> prepare_call(const CoreHandle& core, InstanceId target,
                                             std::string_view type,
                                             std::shared_ptr<const std::string> type_owner,
                                             Given&& request, InvokeOptions options) {
  PreparedCall<Request, Response> call;
  call.core = core.core();
  call.executor = core.executor();
  std::optional<Headers> headers;  // as interceptors want them
  try {
    const bool is_local = target != 0 && target == core.instance_id();
    check_options(options);
    if (core.interception()) {
      call.watched =
          begin_watched_call(core.interception(), target, type, is_local, options, headers);
      check_options(options);
    }
    if (is_local) {
      auto handler = core.find_handler(type);
      if (!handler) throw MeshNoHandlerError(std::string(type));
      constexpr const void* types = &PayloadTypes<Request, Response>::tag;
      const bool is_observed =
          handler->takes_context() || handler->payload_types() != types || core.interception();
      auto context = is_observed ? make_local_context(target, type, options) : CallContext(nullptr);
      call.local = std::make_shared<LocalCall<Request, Response>>(
          core, std::move(handler), std::move(context), type, std::move(type_owner));
      call.local->take_request(std::forward<Given>(request));
    } else {
      call.remote.target = target;
      call.remote.type = type;
      apply_options(call.remote, options, std::move(type_owner));
      encode_payload<Request>(type, request, call.remote.data, Executed::no);
    }
  } catch (...) {
    call.error = std::current_exception();
  }
  return call;
}

}  // namespace mesh::detail
