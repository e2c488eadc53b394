#pragma once

#include <optional>

#include <mesh/headers.hpp>
#include <mesh/options.hpp>

#include <async/strand.hpp>

namespace mesh::core {
class ServedCall;
}

namespace mesh::detail {

/// What calls on its behalf take over of the call's headers, but for "baggage".
Headers trace_of(const core::ServedCall& call);

/// What goes along with the call: its own headers, and of those of its parent the ones of a trace.
Headers headers_of(const InvokeOptions& options);

/// The call's deadline, or that of its parent.
std::optional<TimePoint> deadline_of(const InvokeOptions& options);

}  // namespace mesh::detail
