#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <string_view>

#include <mesh/call_context.hpp>
#include <mesh/headers.hpp>
#include <mesh/node.hpp>
#include <mesh/options.hpp>

namespace mesh::core {
class Interception;
}

namespace mesh::detail {

/// A call that interceptors were told of, and will be told the end of.
class WatchedCall;

/// Tells of a call to be made. What they made of its headers is put into `headers`, to which
/// `options` refers from then on. Throws `MeshRefusedError`.
std::shared_ptr<WatchedCall> begin_watched_call(
    const std::shared_ptr<const core::Interception>& interception, InstanceId target,
    std::string_view type, bool is_local, InvokeOptions& options, std::optional<Headers>& headers);
void end_watched_call(WatchedCall& call, const std::exception_ptr& error) noexcept;

}  // namespace mesh::detail
