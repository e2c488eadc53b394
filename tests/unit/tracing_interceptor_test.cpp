#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mesh/detail/gate.hpp>
#include <mesh/tracing.hpp>

#include <core/interception.hpp>
#include <core/served_call.hpp>
#include <support/log_capture.hpp>
#include <support/span_recorder.hpp>

namespace mesh {
namespace {

using test::RecordedSpan;
using test::SpanRecorder;

CallStart start_of_call(Headers headers = {}) {
  CallStart call;
  call.target = 7;
  call.type = "echo";
  call.headers = std::move(headers);
  return call;
}

std::exception_ptr some_error(const char* text) {
  return std::make_exception_ptr(std::runtime_error(text));
}

std::shared_ptr<core::ServedCall> served_call(Headers headers) {
  auto call = std::make_shared<core::ServedCall>();
  call->request.sender = 3;
  call->request.type = "echo";
  call->request.request_id = RequestId("some-request");
  call->request.headers = std::move(headers);
  return call;
}

TEST(TracingInterceptors, HaveATracer) {
  EXPECT_THROW(TracingInterceptor(nullptr), std::invalid_argument);
}

TEST(TracingInterceptors, PutTheSpanOfACallIntoItsHeaders) {
  const auto spans = std::make_shared<SpanRecorder>();
  TracingInterceptor tracing(spans);
  CallStart call = start_of_call({{"tenant", "1"}});
  tracing.before_call(call);
  const RecordedSpan span = spans->spans().at(0);
  EXPECT_EQ(span.type, "echo");
  EXPECT_EQ(span.kind, SpanKind::client);
  EXPECT_EQ(span.node, 7);
  EXPECT_FALSE(span.parent);
  EXPECT_EQ(call.headers, (Headers{{"tenant", "1"}, {"traceparent", span.context.traceparent()}}));
  CallEnd end;
  end.error = some_error("broken");
  end.kept = call.kept;
  tracing.after_call(end);
  tracing.after_call(end);  // as of a call that is kept, and begun again
  EXPECT_EQ(spans->spans().at(0).outcome, "broken");
  end.kept = nullptr;
  tracing.after_call(end);
}

TEST(TracingInterceptors, BeginANewTraceWhereAHeaderIsMalformed) {
  const auto spans = std::make_shared<SpanRecorder>();
  TracingInterceptor tracing(spans);
  CallStart call = start_of_call({{"traceparent", "00-1"}, {"tracestate", "a=1"}});
  tracing.before_call(call);
  const RecordedSpan client = spans->spans().at(0);
  EXPECT_FALSE(client.parent);
  EXPECT_EQ(call.headers, (Headers{{"traceparent", client.context.traceparent()}}));
  const CallContext handled(served_call({{"traceparent", "00-1"}, {"tracestate", "a=1"}}));
  tracing.before_handler(handled);
  const RecordedSpan server = spans->spans().at(1);
  EXPECT_FALSE(server.parent);
  EXPECT_EQ(handled.trace(), (Headers{{"traceparent", server.context.traceparent()}}));
}

TEST(TracingInterceptors, MakeTheSpanOfAHandlerTheTraceOfItsCall) {
  const auto spans = std::make_shared<SpanRecorder>();
  TracingInterceptor tracing(spans);
  TraceContext remote = TraceContext::make(std::nullopt);
  remote.flags = 0;
  remote.state = "a=1";
  Headers headers{{"baggage", "b=2"}};
  remote.put_into(headers);
  const CallContext call(served_call(headers));
  tracing.before_handler(call);
  const RecordedSpan span = spans->spans().at(0);
  EXPECT_EQ(span.kind, SpanKind::server);
  EXPECT_EQ(span.node, 3);
  EXPECT_FALSE(span.is_local);
  EXPECT_EQ(span.parent, remote);
  EXPECT_EQ(call.headers(), headers);
  const auto trace = TraceContext::from(call.trace());
  ASSERT_TRUE(trace);
  EXPECT_EQ(*trace, span.context);
  EXPECT_EQ(trace->state, "a=1");
  EXPECT_FALSE(trace->is_sampled());
  EXPECT_FALSE(span.outcome);
  tracing.after_handler(call, {});
  EXPECT_EQ(spans->spans().at(0).outcome, "ok");
}

/// Has no spans, or throws.
class UnwillingTracer : public Tracer {
 public:
  std::unique_ptr<Span> start_span(const SpanStart& /*start*/) override {
    if (throws) throw std::runtime_error("out of spans");
    return nullptr;
  }

  bool throws = false;
};

TEST(TracingInterceptors, LetCallsPassWithoutASpan) {
  const auto tracer = std::make_shared<UnwillingTracer>();
  const test::LogCapture log;
  TracingInterceptor tracing(tracer, log.sink());
  Headers headers;
  TraceContext::make(std::nullopt).put_into(headers);
  for (const bool throws : {false, true}) {
    tracer->throws = throws;
    CallStart call = start_of_call(headers);
    tracing.before_call(call);
    EXPECT_EQ(call.headers, headers);
    tracing.after_call({});
    const CallContext handled(served_call(headers));
    tracing.before_handler(handled);
    EXPECT_EQ(handled.trace(), headers);
    tracing.after_handler(handled, {});
    EXPECT_EQ(log.count("a span could not be started: out of spans"), throws ? 1U : 0U);
  }
}

/// Keeps a number with each call and handler, and looks for it.
class NumberKeeper : public Interceptor {
 public:
  explicit NumberKeeper(int number) : number_(number) {}

  void before_call(CallStart& call) override {
    EXPECT_FALSE(call.kept);
    call.kept = std::make_shared<int>(number_);
    if (refuses) throw std::runtime_error("no");
  }
  void after_call(const CallEnd& call) override { note(call.kept); }
  void before_handler(const CallContext& call) override {
    auto object = std::make_shared<int>(number_);
    last = object;
    call.keep(*this, std::move(object));
    if (refuses) throw std::runtime_error("no");
  }
  void after_handler(const CallContext& call, const HandlerEnd& /*end*/) override {
    if (!forgets) note(call.take(*this));
  }

  bool refuses = false;
  bool forgets = false;
  std::vector<int> found;
  std::weak_ptr<int> last;

 private:
  void note(const std::shared_ptr<void>& kept) {
    found.push_back(kept ? *static_cast<int*>(kept.get()) : 0);
  }

  int number_;
};

class KeptObjects : public ::testing::Test {
 protected:
  std::shared_ptr<detail::Gate> gate_ = std::make_shared<detail::Gate>();
  std::shared_ptr<NumberKeeper> one_ = std::make_shared<NumberKeeper>(1);
  std::shared_ptr<NumberKeeper> two_ = std::make_shared<NumberKeeper>(2);
  core::Interception interception_{
      {one_, std::make_shared<Interceptor>(), two_}, null_log_sink(), gate_};
};

TEST_F(KeptObjects, OfCallsGoBackToWhomTheyBelong) {
  CallStart call = start_of_call();
  const auto kept = interception_.before_call(call);
  CallEnd end;
  interception_.after_call(end, kept);
  EXPECT_EQ(one_->found, std::vector<int>{1});
  EXPECT_EQ(two_->found, std::vector<int>{2});
  two_->refuses = true;
  EXPECT_ANY_THROW(interception_.before_call(call));
  EXPECT_EQ(one_->found, (std::vector<int>{1, 1}));
  EXPECT_EQ(two_->found, std::vector<int>{2});
}

TEST_F(KeptObjects, OfHandlersGoBackToWhomTheyBelong) {
  const CallContext call(served_call({}));
  interception_.before_handler(call);
  interception_.before_handler(call);
  interception_.after_handler(call, {});
  EXPECT_EQ(one_->found, std::vector<int>{1});
  EXPECT_EQ(two_->found, std::vector<int>{2});
}

TEST_F(KeptObjects, AreDestroyedWhenTheHandlerHasEnded) {
  const CallContext call(served_call({}));
  one_->forgets = true;
  interception_.before_handler(call);
  EXPECT_FALSE(one_->last.expired());
  interception_.after_handler(call, {});
  EXPECT_TRUE(one_->last.expired());
  two_->refuses = true;
  EXPECT_ANY_THROW(interception_.before_handler(call));
  EXPECT_TRUE(one_->last.expired());
  EXPECT_TRUE(two_->last.expired());
}

TEST_F(KeptObjects, AreDestroyedWhereNobodyIsToldOfTheEnd) {
  const CallContext call(served_call({}));
  interception_.before_handler(call);
  gate_->close();
  interception_.after_handler(call, {});
  EXPECT_EQ(one_->found, std::vector<int>{});
  EXPECT_TRUE(one_->last.expired());
  EXPECT_TRUE(two_->last.expired());
}

}  // namespace
}  // namespace mesh
