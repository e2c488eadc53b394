#pragma once

// Stands in for OpenTelemetry's header of that name where docs/observability.md is compiled: as much
// of the interface as the adapter there uses, in the same shape, and nothing behind it.

#include <opentelemetry/trace/tracer.h>

namespace opentelemetry::trace {

struct TracerProvider {
  nostd::shared_ptr<Tracer> GetTracer(nostd::string_view name, nostd::string_view version = "",
                                      nostd::string_view schema_url = "") noexcept;
};

struct Provider {
  static nostd::shared_ptr<TracerProvider> GetTracerProvider() noexcept;
};

}  // namespace opentelemetry::trace
