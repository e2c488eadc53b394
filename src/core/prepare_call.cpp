#include <mesh/detail/prepare_call.hpp>

#include <optional>
#include <stdexcept>

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

void prepare_routed_target(PreparedCall& call, const CoreHandle& core, std::string_view type,
                           const std::shared_ptr<const std::string>& type_owner,
                           const AnyOptions& options) {
  call.core = core.core();
  if (options.attempts < 1) {
    throw std::invalid_argument("AnyOptions::attempts must be at least 1");
  }
  constexpr InstanceId open = 0;
  const InvokeOptions of_each{options.timeout, options.deadline, options.headers, options.parent};
  prepare_target(call, core, open, type, type_owner, nullptr, of_each);
  call.remote.routing =
      Routing{options.route, options.attempts, options.skip_self, options.wait_for_node};
}

void prepare_routed_target(PreparedCall& call, const CoreHandle& core, std::string_view type,
                           const std::shared_ptr<const std::string>& type_owner,
                           const AllOptions& options) {
  AnyOptions of_each;
  of_each.timeout = options.timeout;
  of_each.deadline = options.deadline;
  of_each.headers = options.headers;
  of_each.parent = options.parent;
  of_each.route = of_each.route.among(options.nodes);
  of_each.attempts = 1;
  of_each.skip_self = options.skip_self;
  prepare_routed_target(call, core, type, type_owner, of_each);
  call.remote.routing->is_one_of_all = true;
}

}  // namespace mesh::detail
