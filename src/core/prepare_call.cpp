#include <mesh/detail/prepare_call.hpp>

#include <optional>

#include <mesh/detail/interception.hpp>
#include <mesh/errors.hpp>
#include <mesh/headers.hpp>

namespace mesh::detail {

LocalTarget prepare_target(PreparedCall& call, const CoreHandle& core, InstanceId target,
                           std::string_view type,
                           const std::shared_ptr<const std::string>& type_owner,
                           const void* payload_types, InvokeOptions options) {
  call.core = core.core();
  const bool is_local = target != 0 && target == core.instance_id();
  check_options(options);
  std::optional<Headers> headers;  // as interceptors want them
  if (core.interception()) {
    call.watched =
        begin_watched_call(core.interception(), target, type, is_local, options, headers);
    check_options(options);
  }
  if (!is_local) {
    call.remote.target = target;
    call.remote.type = type;
    apply_options(call.remote, options, type_owner);
    return {};
  }
  auto handler = core.find_handler(type);
  if (!handler) throw MeshNoHandlerError(std::string(type));
  const bool is_observed =
      handler->takes_context() || handler->payload_types() != payload_types || core.interception();
  auto context = is_observed ? make_local_context(target, type, options) : CallContext(nullptr);
  return {std::move(handler), std::move(context)};
}

}  // namespace mesh::detail
