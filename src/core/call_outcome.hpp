#pragma once

#include <exception>

#include <mesh/errors.hpp>

#include <core/pending_calls.hpp>
#include <wire/messages.hpp>

namespace mesh::core {

/// Whether the handler may have run of a call of which nothing came back.
Executed executed_of(const PendingCall& call);

/// What the caller gets for a response that tells of a failure.
std::exception_ptr error_of(const wire::Response& response, const PendingCall& call);

}  // namespace mesh::core
