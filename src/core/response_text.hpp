#pragma once

#include <cstddef>
#include <string>

#include <mesh/detail/handler.hpp>
#include <mesh/options.hpp>

#include <util/request_id.hpp>
#include <wire/codec.hpp>

namespace mesh::core {

/// The response with what a handler returned. Throws `MeshLimitError` or `MeshEncodeError` if it
/// cannot be sent.
std::string encode_result(const wire::Request& request, const detail::Json& result,
                          const MeshLimits& limits);

/// The response of a handler that has failed.
std::string encode_failure(const RequestId& request_id, const std::string& error,
                           const MeshLimits& limits);

/// The error in place of a response that was received so many times, but never reached its caller.
/// If it is not kept, it may also have been lost with the connection for another cause.
std::string describe_lost_response(std::size_t size, unsigned deliveries, bool is_kept);

}  // namespace mesh::core
