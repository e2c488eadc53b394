#pragma once

#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

#include <mesh/errors.hpp>
#include <mesh/options.hpp>

#include <wire/messages.hpp>

namespace mesh::core {

/// Ends a response to which a handler has appended its result, from `data_begin` on. Says why if it
/// cannot be sent.
std::optional<wire::Failure> complete_response(std::string& response, std::size_t data_begin,
                                               std::string_view type, const MeshLimits& limits);

/// What is said of a request whose handler threw, or that could not be read by it.
wire::Failure describe_failure(const std::exception_ptr& error, bool has_begun);

/// The response that tells of a failure, as far as its receiver understands it.
std::string encode_failure(const wire::Request& request, const wire::Failure& failure,
                           const MeshLimits& limits);

/// For a request that was not run.
wire::Failure refusal(Refusal reason, std::string text, Executed executed = Executed::no);

/// Instead of a response that was received so many times, but never reached its caller. If it is
/// not kept, it may also have been lost with the connection for another cause.
wire::Failure describe_lost_response(std::size_t size, unsigned deliveries, bool is_kept);

}  // namespace mesh::core
