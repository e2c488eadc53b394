#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <utility>

#include <mesh/tracing.hpp>

#include <util/describe_error.hpp>
#include <util/rate_limited_log.hpp>

namespace mesh {

/// Of a call or a handler that runs.
class TracingInterceptor::OpenSpan {
 public:
  OpenSpan(std::shared_ptr<Tracer> tracer, std::unique_ptr<Span> span)
      : tracer_(std::move(tracer)), span_(std::move(span)), context_(span_->context()) {}

  const TraceContext& context() const { return context_; }

  /// A call that is kept by its completion token may end several times; the first time counts.
  void end(const std::exception_ptr& error) {
    if (has_ended_.exchange(true)) return;
    if (error) {
      const std::string text = describe_error(error);
      span_->end(text);
    } else {
      span_->end(std::nullopt);
    }
  }

  static void end(const std::shared_ptr<void>& kept, const std::exception_ptr& error) {
    if (kept) static_cast<OpenSpan*>(kept.get())->end(error);
  }

 private:
  std::shared_ptr<Tracer> tracer_;  // outlives its spans
  std::unique_ptr<Span> span_;
  TraceContext context_;
  std::atomic<bool> has_ended_{false};
};

class TracingInterceptor::Complaints {
 public:
  explicit Complaints(LogSink log) : log_(std::move(log)) {}

  void add(const std::exception_ptr& error) {
    const std::string text = "a span could not be started: " + describe_error(error);
    const std::lock_guard lock(mutex_);
    log_.warn(std::chrono::steady_clock::now(), text);
  }

 private:
  std::mutex mutex_;
  RateLimitedLog log_;
};

TracingInterceptor::TracingInterceptor(std::shared_ptr<Tracer> tracer, LogSink log)
    : tracer_(std::move(tracer)), complaints_(std::make_unique<Complaints>(std::move(log))) {
  if (!tracer_) throw std::invalid_argument("the tracer of a TracingInterceptor must not be null");
}

TracingInterceptor::~TracingInterceptor() = default;

std::shared_ptr<TracingInterceptor::OpenSpan> TracingInterceptor::start(const SpanStart& start) {
  try {
    auto span = tracer_->start_span(start);
    return span ? std::make_shared<OpenSpan>(tracer_, std::move(span)) : nullptr;
  } catch (...) {
    complaints_->add(std::current_exception());
    return nullptr;
  }
}

void TracingInterceptor::before_call(CallStart& call) {
  auto span = start({.type = call.type,
                     .kind = SpanKind::client,
                     .parent = TraceContext::from(call.headers),
                     .node = call.target,
                     .is_local = call.is_local});
  if (!span) return;
  span->context().put_into(call.headers);
  call.kept = std::move(span);
}

void TracingInterceptor::after_call(const CallEnd& call) { OpenSpan::end(call.kept, call.error); }

void TracingInterceptor::before_handler(const CallContext& call) {
  auto span = start({.type = call.type(),
                     .kind = SpanKind::server,
                     .parent = TraceContext::from(call.headers()),
                     .node = call.sender(),
                     .is_local = call.request_id().empty()});
  if (!span) return;
  if (span->context().is_valid()) {
    Headers trace;
    span->context().put_into(trace);
    call.set_trace(std::move(trace));
  }
  call.keep(*this, std::move(span));
}

void TracingInterceptor::after_handler(const CallContext& call, const HandlerEnd& end) {
  OpenSpan::end(call.take(*this), end.error);
}

}  // namespace mesh
