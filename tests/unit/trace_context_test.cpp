#include <gtest/gtest.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <mesh/tracing.hpp>
#include <tracing/trace_state.hpp>

namespace mesh {
namespace {

constexpr std::string_view usual_parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

std::string with_version(std::string_view version, std::string_view rest = {}) {
  return std::string(version) + std::string(usual_parent.substr(2)) + std::string(rest);
}

TEST(TraceContexts, AreReadAndWritten) {
  const auto context = TraceContext::parse(usual_parent, "congo=t61rcWkgMzE");
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace_id.front(), 0x0A);
  EXPECT_EQ(context->trace_id.back(), 0x9C);
  EXPECT_EQ(context->span_id.front(), 0xB7);
  EXPECT_EQ(context->span_id.back(), 0x31);
  EXPECT_EQ(context->flags, 1);
  EXPECT_TRUE(context->is_sampled());
  EXPECT_EQ(context->state, "congo=t61rcWkgMzE");
  EXPECT_EQ(context->traceparent(), usual_parent);
}

TEST(TraceContexts, OnlyTheSampledFlagIsSentOn) {
  std::string text(usual_parent);
  text.replace(53, 2, "fe");
  const auto other = TraceContext::parse(text);
  ASSERT_TRUE(other);
  EXPECT_EQ(other->flags, 0xFE);
  EXPECT_FALSE(other->is_sampled());
  EXPECT_TRUE(other->traceparent().ends_with("-00"));
  text.replace(53, 2, "ff");
  const auto all = TraceContext::parse(text);
  ASSERT_TRUE(all);
  EXPECT_TRUE(all->is_sampled());
  EXPECT_TRUE(all->traceparent().ends_with("-01"));
}

TEST(TraceContexts, OfLaterVersionsWhatIsKnownCounts) {
  for (const std::string_view version : {"01", "cc", "fe"}) {
    for (const std::string_view rest : {"", "-", "-what-the-future-brings", "-00"}) {
      const auto context = TraceContext::parse(with_version(version, rest));
      ASSERT_TRUE(context) << version << rest;
      EXPECT_EQ(context->traceparent(), usual_parent);
    }
    EXPECT_FALSE(TraceContext::parse(with_version(version, "0")));
    EXPECT_FALSE(TraceContext::parse(with_version(version, ".what-the-future-brings")));
  }
}

TEST(TraceContexts, OfTheFirstVersionNothingMayFollow) {
  for (const std::string_view rest : {"-", "-what-the-future-brings", "0", " ", "\n"}) {
    EXPECT_FALSE(TraceContext::parse(with_version("00", rest))) << rest;
  }
}

TEST(TraceContexts, WhatIsNotValidIsIgnored) {
  const std::string zeros(32, '0');
  for (const std::string& text :
       {std::string(),
        std::string("-"),
        std::string("00"),
        with_version("ff"),
        with_version("ff", "-"),
        with_version("0x"),
        with_version("0"),
        with_version("000"),
        with_version("CC"),
        "00-" + zeros + "-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-" + zeros.substr(16) + "-01",
        std::string("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"),
        std::string("00-0af7651916cd43dd8448eb211c80319c-B7AD6B7169203331-01"),
        std::string("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0A"),
        std::string("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g"),
        std::string("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1"),
        std::string("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"),
        std::string("00-0af7651916cd43dd8448eb211c8031-9c-b7ad6b7169203331-01"),
        std::string("00-.af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        std::string("00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        std::string("00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01"),
        std::string("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01"),
        " " + std::string(usual_parent),
        std::string(usual_parent) + " "}) {
    EXPECT_FALSE(TraceContext::parse(text, "a=1")) << text;
  }
}

TEST(TraceContexts, EachCutTextIsIgnored) {
  for (std::size_t size = 0; size < usual_parent.size(); ++size) {
    EXPECT_FALSE(TraceContext::parse(usual_parent.substr(0, size)));
  }
}

TEST(TraceContexts, AStateThatIsNotValidIsLeftOut) {
  const auto context = TraceContext::parse(usual_parent, "no state");
  ASSERT_TRUE(context);
  EXPECT_EQ(context->state, "");
}

TEST(TraceContexts, AreTakenFromHeadersAndPutThere) {
  EXPECT_FALSE(TraceContext::from({}));
  EXPECT_FALSE(TraceContext::from({{"tracestate", "a=1"}}));
  EXPECT_FALSE(TraceContext::from({{"traceparent", "00-1"}, {"tracestate", "a=1"}}));
  const Headers headers{{"traceparent", std::string(usual_parent)}, {"tracestate", "a=1,b=2"}};
  auto context = TraceContext::from(headers);
  ASSERT_TRUE(context);
  Headers out{{"tracestate", "z=1"}, {"tenant", "7"}};
  context->put_into(out);
  EXPECT_EQ(out, (Headers{{"traceparent", std::string(usual_parent)},
                          {"tracestate", "a=1,b=2"},
                          {"tenant", "7"}}));
  // A state belongs to its trace.
  for (const std::string& state :
       {std::string(), std::string("\x01"), "a=" + std::string(5000, 'x')}) {
    context->state = state;
    context->put_into(out);
    EXPECT_FALSE(out.contains("tracestate"));
    out["tracestate"] = "a=1";
  }
  const Headers before = out;
  TraceContext().put_into(out);
  EXPECT_EQ(out, before);
}

TEST(TraceContexts, LeaveHeadersThatAreFullAsTheyAre) {
  Headers full;
  for (int i = 0; i < 64; ++i) full["name" + std::to_string(i)] = "1";
  auto context = TraceContext::parse(usual_parent, "a=1");
  ASSERT_TRUE(context);
  const Headers before = full;
  context->put_into(full);
  EXPECT_EQ(full, before);
  full.erase("name0");
  context->put_into(full);
  EXPECT_EQ(full.size(), 64U);
  EXPECT_TRUE(full.contains("traceparent"));
  EXPECT_FALSE(full.contains("tracestate"));
}

TEST(TraceContexts, AreMadeAsChildrenOrAsRoots) {
  const TraceContext root = TraceContext::make(std::nullopt);
  EXPECT_TRUE(root.is_valid());
  EXPECT_TRUE(root.is_sampled());
  EXPECT_NE(root.trace_id, TraceContext::make(std::nullopt).trace_id);
  auto parent = TraceContext::parse(usual_parent, "a=1");
  ASSERT_TRUE(parent);
  parent->flags = 0;
  const TraceContext child = TraceContext::make(parent);
  EXPECT_EQ(child.trace_id, parent->trace_id);
  EXPECT_NE(child.span_id, parent->span_id);
  EXPECT_FALSE(child.is_sampled());
  EXPECT_EQ(child.state, "a=1");
  EXPECT_TRUE(TraceContext::make(TraceContext()).is_valid());
}

TEST(TraceStates, AreListsOfKeysAndValues) {
  const std::string longest_key(256, 'k');
  const std::string longest_value(256, 'v');
  for (const std::string& text :
       {std::string("a=1"), std::string("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        std::string("a=1 , b=2\t,\tc=3"), std::string("a=1,,b=2,"), std::string(" a=1"),
        std::string("fw529a3039@dt=FfffffffEAAAAAAB"), std::string("0a=1"),
        std::string("a_-*/b=~!\"#$ %+<>"), std::string("a= 1"),
        longest_key + "=" + longest_value}) {
    EXPECT_TRUE(tracing::is_trace_state(text)) << text;
  }
}

TEST(TraceStates, MayBeWrong) {
  const std::string too_long(257, 'x');
  for (const std::string& text :
       {std::string(), std::string(","), std::string(" "), std::string("a"), std::string("a="),
        std::string("=1"), std::string("A=1"), std::string("_a=1"), std::string("@a=1"),
        std::string("a =1"), std::string("a=1=2"), std::string("a=\x7F"), std::string("a=\xC3\xA4"),
        std::string("a=1\tb"), std::string("a=1,b"), std::string("a= "), too_long + "=1",
        "a=" + too_long}) {
    EXPECT_FALSE(tracing::is_trace_state(text)) << text;
  }
}

TEST(TraceStates, HaveAtMost32Members) {
  std::string text = "k0=1";
  for (int i = 1; i < 32; ++i) text += ",k" + std::to_string(i) + "=1";
  EXPECT_TRUE(tracing::is_trace_state(text + ",,"));
  EXPECT_FALSE(tracing::is_trace_state(text + ",k32=1"));
}

}  // namespace
}  // namespace mesh
