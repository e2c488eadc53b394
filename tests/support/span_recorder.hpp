#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mesh/tracing.hpp>

namespace mesh::test {

struct RecordedSpan {
  std::string type;
  SpanKind kind = SpanKind::client;
  std::optional<TraceContext> parent{};
  InstanceId node = 0;
  bool is_local = false;
  TraceContext context{};
  std::optional<std::string> outcome{};  ///< "ok", or what it failed with; nothing: it runs.

  bool is_child_of(const RecordedSpan& other) const {
    return parent && parent->span_id == other.context.span_id &&
           context.trace_id == other.context.trace_id;
  }
};

inline std::ostream& operator<<(std::ostream& stream, const RecordedSpan& span) {
  return stream << to_string(span.kind) << ' ' << span.type << ": "
                << span.outcome.value_or("runs");
}

/// A tracer that keeps its spans in memory, for one test. All members may be called from any
/// thread.
class SpanRecorder : public Tracer {
 public:
  std::unique_ptr<Span> start_span(const SpanStart& start) override {
    TraceContext context = TraceContext::make(start.parent);
    const std::lock_guard lock(mutex_);
    spans_.push_back({.type = std::string(start.type),
                      .kind = start.kind,
                      .parent = start.parent,
                      .node = start.node,
                      .is_local = start.is_local,
                      .context = context});
    ++alive_;
    return std::make_unique<Recording>(*this, spans_.size() - 1, std::move(context));
  }

  std::vector<RecordedSpan> spans() const {
    const std::lock_guard lock(mutex_);
    return spans_;
  }
  /// Those that run.
  std::size_t open() const {
    const std::lock_guard lock(mutex_);
    std::size_t count = 0;
    for (const RecordedSpan& span : spans_) count += span.outcome ? 0U : 1U;
    return count;
  }
  /// Objects that have not been destroyed.
  std::size_t alive() const { return alive_; }

 private:
  class Recording : public Span {
   public:
    Recording(SpanRecorder& recorder, std::size_t index, TraceContext context)
        : recorder_(recorder), index_(index), context_(std::move(context)) {}
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;
    ~Recording() override { --recorder_.alive_; }

    TraceContext context() const override { return context_; }
    void end(std::optional<std::string_view> error) override {
      recorder_.note_end(index_, std::string(error.value_or("ok")));
    }

   private:
    SpanRecorder& recorder_;
    std::size_t index_;
    TraceContext context_;
  };

  void note_end(std::size_t index, std::string outcome) {
    const std::lock_guard lock(mutex_);
    std::optional<std::string>& place = spans_.at(index).outcome;
    place = place ? "ended twice" : std::move(outcome);
  }

  mutable std::mutex mutex_;
  std::vector<RecordedSpan> spans_;
  std::atomic<std::size_t> alive_{0};
};

}  // namespace mesh::test
