#pragma once

#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <mesh/call_context.hpp>
#include <mesh/detail/call.hpp>
#include <mesh/detail/core_handle.hpp>
#include <mesh/detail/handler.hpp>
#include <mesh/detail/local_call.hpp>
#include <mesh/detail/payload.hpp>
#include <mesh/node.hpp>
#include <mesh/options.hpp>

namespace mesh::detail {

/// Where a call to this very node goes.
struct LocalTarget {
  std::shared_ptr<RequestHandler> handler;  ///< Null for a call to another node.
  CallContext context{nullptr};             ///< Empty where nobody looks at it.
};

/// What does not depend on the types of a call, whose `PayloadTypes` have this tag. Throws what is
/// wrong with the options, what interceptors throw, and `MeshNoHandlerError`.
LocalTarget prepare_target(PreparedCall& call, const CoreHandle& core, InstanceId target,
                           std::string_view type,
                           const std::shared_ptr<const std::string>& type_owner,
                           const void* payload_types, InvokeOptions options);

/// Takes what a call needs of its arguments. What is wrong with them is in its `error`.
template <typename Request, typename Response, typename Given>
PreparedCall prepare_call(const CoreHandle& core, InstanceId target, std::string_view type,
                          std::shared_ptr<const std::string> type_owner, Given&& request,
                          InvokeOptions options) {
  PreparedCall call;
  try {
    constexpr const void* types = &PayloadTypes<Request, Response>::tag;
    LocalTarget local = prepare_target(call, core, target, type, type_owner, types, options);
    if (local.handler) {
      auto own = std::make_unique<LocalCall<Request, Response>>(
          core, std::move(local.handler), std::move(local.context), type, std::move(type_owner));
      own->take_request(std::forward<Given>(request));
      call.local = std::move(own);
    } else {
      encode_payload<Request>(type, request, call.remote.data, Executed::no);
    }
  } catch (...) {
    call.error = std::current_exception();
  }
  return call;
}

/// The same for a call to a node that is chosen later, or to all: throw what is wrong with the
/// options, and what interceptors throw.
void prepare_routed_target(PreparedCall& call, const CoreHandle& core, std::string_view type,
                           const std::shared_ptr<const std::string>& type_owner,
                           const AnyOptions& options);
void prepare_routed_target(PreparedCall& call, const CoreHandle& core, std::string_view type,
                           const std::shared_ptr<const std::string>& type_owner,
                           const AllOptions& options);

template <typename Request, typename Options>
PreparedCall prepare_routed_call(const CoreHandle& core, std::string_view type,
                                 const std::shared_ptr<const std::string>& type_owner,
                                 const Boxed<Request>& request, const Options& options) {
  PreparedCall call;
  try {
    prepare_routed_target(call, core, type, type_owner, options);
    encode_payload<Request>(type, request, call.remote.data, Executed::no);
  } catch (...) {
    call.error = std::current_exception();
  }
  return call;
}

}  // namespace mesh::detail
