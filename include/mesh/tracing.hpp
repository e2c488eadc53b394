#pragma once

/// Traces of calls over all nodes that they pass, by the W3C recommendation "Trace Context"
/// (https://www.w3.org/TR/trace-context/). Give each node a `TracingInterceptor` with a `Tracer` of
/// your own, which passes spans on to a library for traces: docs/observability.md has one for
/// OpenTelemetry.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <mesh/call_context.hpp>
#include <mesh/headers.hpp>
#include <mesh/interceptor.hpp>
#include <mesh/log.hpp>
#include <mesh/node.hpp>

namespace mesh {

/// What identifies a span in its trace, and travels with a call in the headers "traceparent" and
/// "tracestate". A plain value.
struct TraceContext {
  std::array<std::uint8_t, 16> trace_id{};
  std::array<std::uint8_t, 8> span_id{};
  /// As they came. Only bit 0, `is_sampled()`, has a meaning and is sent on.
  std::uint8_t flags = 0;
  /// A "tracestate" as it came: what systems for traces tell themselves; often empty.
  std::string state{};

  /// Whether the trace is recorded by who began it.
  bool is_sampled() const noexcept { return (flags & 1U) != 0; }
  /// Whether neither of the ids is all zeros.
  bool is_valid() const noexcept;

  /// As a "traceparent" of version 00, 55 characters.
  std::string traceparent() const;
  /// Puts both headers there, instead of others. Leaves them as they are if this is not valid, or
  /// if there is no room for a "traceparent" within the limits of `Headers`. A state that is not as
  /// the recommendation says, or for which there is no room, does not go along.
  void put_into(Headers& headers) const;

  /// Nothing if the text is not a valid "traceparent": one of version 00, or of a later one, of
  /// which the part that is known counts. A "tracestate" that is not valid is left out.
  static std::optional<TraceContext> parse(std::string_view traceparent,
                                           std::string_view tracestate = {});
  /// Nothing if there is no valid "traceparent". For the headers of a `CallContext` it is what the
  /// caller sent; for its `trace()` it is the span of the handler.
  static std::optional<TraceContext> from(const Headers& headers);
  /// For tracers that make ids themselves: one with a random span id, and with the rest of its
  /// parent; without a valid parent, with a random trace id, sampled. From any thread; throws
  /// `std::system_error` where the system has no random numbers.
  static TraceContext make(const std::optional<TraceContext>& parent);

  friend bool operator==(const TraceContext&, const TraceContext&) = default;
};

enum class SpanKind {
  client,  ///< A call, from before it is sent until its caller has the outcome.
  server   ///< A handler, while it runs.
};

/// The lower-case name of a kind, such as "client".
std::string_view to_string(SpanKind kind) noexcept;

/// A span that begins. What it refers to need not outlive `start_span()`.
struct SpanStart {
  std::string_view type;  ///< The name of the message, by which spans are usually called.
  SpanKind kind = SpanKind::client;
  /// Whose child the span is; nothing: it begins a trace.
  std::optional<TraceContext> parent{};
  InstanceId node = 0;    ///< The other one: to which the call goes, or from which it came.
  bool is_local = false;  ///< That is the own node.
};

/// A span that runs.
class Span {
 public:
  Span() = default;
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;
  /// One that was not ended is given up: its service was destroyed, or the call never began.
  virtual ~Span() = default;

  /// Does not change. Where it is not valid, calls go along as if there were no span.
  virtual TraceContext context() const = 0;
  /// Called at most once, maybe on another thread than the span was started on. `error` is the text
  /// of what the call or handler failed with; nothing if it did not fail.
  virtual void end(std::optional<std::string_view> error) = 0;
};

/// Where spans go. It outlives them, and may be shared by nodes. May be called from several threads
/// at once, and must not block.
class Tracer {
 public:
  Tracer() = default;
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;
  virtual ~Tracer() = default;

  /// Null where there is to be no span; then the trace passes through as if this were not there.
  /// What is thrown is logged, and counts as null.
  virtual std::unique_ptr<Span> start_span(const SpanStart& start) = 0;
};

/// Makes a span of each call and of each handler of a node. The span of a call is a child of what
/// is in its headers, be they its own or of its `InvokeOptions::parent`, and so of the handler on
/// whose behalf it is made; else it begins a trace. That of a handler is a child of what came
/// along. A "traceparent" that is not valid counts as none.
///
/// Interceptors that may refuse go behind it in `MeshOptions::interceptors`, for their refusals to
/// be seen. Broadcasts have no spans. One may be shared by nodes.
class TracingInterceptor final : public Interceptor {
 public:
  /// Throws `std::invalid_argument` if the tracer is null. `log` hears of a tracer that throws,
  /// once in ten seconds at most.
  explicit TracingInterceptor(std::shared_ptr<Tracer> tracer, LogSink log = stderr_log_sink());
  ~TracingInterceptor() override;

  void before_call(CallStart& call) override;
  void after_call(const CallEnd& call) override;
  void before_handler(const CallContext& call) override;
  void after_handler(const CallContext& call, const HandlerEnd& end) override;

 private:
  class Complaints;
  class OpenSpan;

  std::shared_ptr<OpenSpan> start(const SpanStart& start);

  std::shared_ptr<Tracer> tracer_;
  std::unique_ptr<Complaints> complaints_;
};

}  // namespace mesh
