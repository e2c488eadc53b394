#pragma once

// As provider.h.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <variant>

namespace opentelemetry::nostd {

/// Not that of the standard library, nor made from that one.
class string_view {
 public:
  string_view(const char* text) noexcept;
  string_view(const std::string& text) noexcept;
  string_view(const char* text, std::size_t size) noexcept;
};

using std::shared_ptr;
using std::span;

}  // namespace opentelemetry::nostd

namespace opentelemetry::common {

using AttributeValue =
    std::variant<bool, std::int64_t, double, const char*, nostd::string_view>;

}  // namespace opentelemetry::common

namespace opentelemetry::context {

using ContextValue = std::variant<std::monostate, bool>;

struct Context {
  Context() = default;
  Context(nostd::string_view key, ContextValue value) noexcept;
};

}  // namespace opentelemetry::context

namespace opentelemetry::trace {

constexpr char kIsRootSpanKey[] = "is_root_span";

enum class SpanKind { kInternal, kServer, kClient };
enum class StatusCode { kUnset, kOk, kError };

template <std::size_t Size>
struct Id {
  explicit Id(nostd::span<const std::uint8_t, Size> id) noexcept;
  void CopyBytesTo(nostd::span<std::uint8_t, Size> out) const noexcept;
};
using TraceId = Id<16>;
using SpanId = Id<8>;

struct TraceFlags {
  explicit TraceFlags(std::uint8_t flags) noexcept;
  std::uint8_t flags() const noexcept;
};

struct TraceState {
  static nostd::shared_ptr<TraceState> FromHeader(nostd::string_view header) noexcept;
  std::string ToHeader() const noexcept;
};

struct SpanContext {
  SpanContext(TraceId trace_id, SpanId span_id, TraceFlags flags, bool is_remote,
              nostd::shared_ptr<TraceState> state) noexcept;
  const TraceId& trace_id() const noexcept;
  const SpanId& span_id() const noexcept;
  const TraceFlags& trace_flags() const noexcept;
  const nostd::shared_ptr<TraceState>& trace_state() const noexcept;
};

struct StartSpanOptions {
  std::variant<SpanContext, context::Context> parent = context::Context();
  SpanKind kind = SpanKind::kInternal;
};

struct Span {
  void SetStatus(StatusCode code, nostd::string_view description = "") noexcept;
  void End() noexcept;
  SpanContext GetContext() const noexcept;
};

struct Tracer {
  nostd::shared_ptr<Span> StartSpan(
      nostd::string_view name,
      std::initializer_list<std::pair<nostd::string_view, common::AttributeValue>> attributes,
      const StartSpanOptions& options = {}) noexcept;
};

}  // namespace opentelemetry::trace
