#pragma once

#include <string_view>

namespace mesh::tracing {

/// Whether a text is a "tracestate" by the W3C recommendation: a list of at most 32 members, each a
/// key and a value. Keys may have the forms of its second level, too.
bool is_trace_state(std::string_view text);

}  // namespace mesh::tracing
