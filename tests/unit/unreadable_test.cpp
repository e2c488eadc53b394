#include <wire/decode.hpp>
#include <wire/encode.hpp>
#include <wire/nesting.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace mesh::wire {
namespace {

using namespace std::chrono_literals;

std::string deep_value(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

/// The message must be malformed.
Malformed malformed(std::string_view text, const MeshLimits& limits = {}) {
  const NodeMessage message = decode_node_message(text, limits);
  const auto* const found = std::get_if<Malformed>(&message);
  EXPECT_NE(found, nullptr) << text;
  return found == nullptr ? Malformed{} : *found;
}

/// What no parser takes.
const std::vector<std::string> unreadable_values{deep_value(64),
                                                 deep_value(100000),
                                                 R"({"a":"]}\\\"","b":x})",
                                                 "\"\xff\"",
                                                 "NaN",
                                                 R"("\u12g4")",
                                                 "[1,]",
                                                 R"({"requestId":"no","reply":true,})",
                                                 std::string("\"\0\"", 3),
                                                 "'text'",
                                                 "\"\n\""};

TEST(Unreadable, RequestsStillTellWhoWaits) {
  for (const std::string& data : unreadable_values) {
    for (const std::string& text :
         {R"({"requestId":"r","senderInstanceId":7,"type":"t","data":)" + data +
              R"(,"timeoutMs":250})",
          R"( { "timeoutMs" : 250.0 , "data" : )" + data +
              R"( , "senderInstanceId" : 7.0 , "request\u0049d" : "\u0072" } )"}) {
      const Malformed message = malformed(text);
      EXPECT_FALSE(message.reason.empty());
      EXPECT_FALSE(message.response);
      ASSERT_TRUE(message.request) << text.substr(0, 200);
      EXPECT_EQ(message.request->request_id, "r");
      EXPECT_EQ(message.request->sender, 7);
      EXPECT_EQ(message.request->timeout, 250ms);
      EXPECT_FALSE(message.request->repeat);
    }
  }
}

TEST(Unreadable, ResponsesStillTellWhichCallTheyAreFor) {
  for (const std::string& data : unreadable_values) {
    for (const std::string& text : {R"({"requestId":"r","reply":true,"data":)" + data + "}",
                                    R"({"data":)" + data + R"(,"reply":{},"requestId":"r"})"}) {
      const Malformed message = malformed(text);
      EXPECT_FALSE(message.request);
      ASSERT_TRUE(message.response) << text.substr(0, 200);
      EXPECT_EQ(*message.response, "r");
      EXPECT_EQ(message.exceeds_limit, data.starts_with("[[[")) << text.substr(0, 200);
    }
  }
}

TEST(Unreadable, MessagesBeyondTheirSizeSayThatAndTellWhoWaits) {
  MeshLimits limits;
  limits.message_size = 1000;
  const std::string data = "\"" + std::string(1000, 'x') + "\"";
  const auto request = malformed(
      R"({"requestId":"r","senderInstanceId":7,"repeat":true,"type":"t","data":)" + data + "}",
      limits);
  ASSERT_TRUE(request.request);
  EXPECT_TRUE(request.request->repeat);
  EXPECT_EQ(request.request->timeout, std::nullopt);
  EXPECT_TRUE(request.exceeds_limit);
  EXPECT_NE(request.reason.find("MeshLimits::message_size"), std::string::npos) << request.reason;
  const auto response = malformed(R"({"requestId":"r","reply":true,"error":)" + data + "}", limits);
  ASSERT_TRUE(response.response);
  EXPECT_TRUE(response.exceeds_limit);
}

TEST(Unreadable, OfMessagesBeyondTheirSizeTheBeginningIsEnough) {
  const std::string data = "\"" + std::string(3000, 'x');
  const std::string request = R"({"requestId":"r","senderInstanceId":7,"type":"t","data":)" + data;
  for (std::size_t size = 0; size <= request.size(); ++size) {
    const auto described = describe_oversized(request.substr(0, size), 300'000'000);
    EXPECT_TRUE(described.exceeds_limit);
    EXPECT_NE(described.reason.find("300000000 bytes"), std::string::npos) << described.reason;
    EXPECT_EQ(described.request.has_value(), size > request.find(R"(,"type)")) << size;
    if (!described.request) continue;
    EXPECT_EQ(described.request->request_id, "r");
    EXPECT_EQ(described.request->sender, 7);
  }
  const auto response = describe_oversized(R"({"requestId":"r","reply":true,"data":)" + data, 1);
  EXPECT_TRUE(response.response);
  EXPECT_FALSE(response.request);
}

TEST(Unreadable, TheBeginningOfARequestTellsItsTimeoutAndWhetherItIsRepeated) {
  const std::string data = "\"" + std::string(5000, 'x') + "\"";
  for (const bool repeat : {false, true}) {
    const std::string text = encode_request({"r", 7, "t", data, 250ms, repeat});
    const auto request = describe_oversized(text.substr(0, 4096), text.size()).request;
    ASSERT_TRUE(request);
    EXPECT_EQ(request->timeout, 250ms);
    EXPECT_EQ(request->repeat, repeat);
  }
}

TEST(Unreadable, WhatIsNoWholeMessageTellsNothing) {
  const std::string request = R"({"requestId":"r","senderInstanceId":7,"type":"t","data":[x]})";
  const std::string response = R"({"requestId":"r","reply":true,"data":"\x"})";
  EXPECT_TRUE(malformed(request).request);
  EXPECT_TRUE(malformed(response).response);
  for (std::size_t size = 0; size < request.size(); ++size) {
    EXPECT_FALSE(malformed(request.substr(0, size)).request) << size;
  }
  for (std::size_t size = 0; size < response.size(); ++size) {
    EXPECT_FALSE(malformed(response.substr(0, size)).response) << size;
  }
  EXPECT_FALSE(malformed(request + " and more").request);
  EXPECT_FALSE(malformed(response + "}").response);
}

TEST(Unreadable, NobodyWaitsForTheRest) {
  const std::string bad = R"(,"data":[x]})";
  for (const std::string& text :
       {R"({"requestId":"r","heartbeat":true)" + bad, R"({"requestId":7,"reply":true)" + bad,
        R"({"requestId":{"requestId":"r"},"reply":true)" + bad, R"({"reply":true)" + bad,
        R"({"requestId":"r","senderInstanceId":"7")" + bad,
        R"({"requestId":"r","senderInstanceId":1.5)" + bad,
        R"({"requestId":")" + std::string(257, 'x') + R"(","reply":true)" + bad,
        R"([{"requestId":"r","reply":true)" + bad, R"({"data":{"requestId":"r","reply":true)" + bad,
        std::string("x"), std::string("{"), std::string(R"({"requestId")"),
        std::string(R"({"requestId":"r\")")}) {
    const Malformed message = malformed(text);
    EXPECT_FALSE(message.request) << text;
    EXPECT_FALSE(message.response) << text;
  }
}

TEST(Unreadable, ReadableMessagesThatAreWrongAreDroppedAsEver) {
  const Malformed message = malformed(R"({"requestId":"r","senderInstanceId":7,"type":5})");
  EXPECT_FALSE(message.request);
}

TEST(Nesting, IsCountedOutsideOfStrings) {
  EXPECT_FALSE(is_nested_deeper("", 0));
  EXPECT_FALSE(is_nested_deeper("1", 0));
  EXPECT_TRUE(is_nested_deeper("[]", 0));
  EXPECT_FALSE(is_nested_deeper(deep_value(64), 64));
  EXPECT_TRUE(is_nested_deeper(deep_value(65), 64));
  EXPECT_FALSE(is_nested_deeper(R"(["[[[\"[[[",{"{{":"\\"},[]])", 2));
  EXPECT_TRUE(is_nested_deeper(R"(["[[[\"[[[",{"{{":["\\"]}])", 2));
  EXPECT_TRUE(is_nested_deeper("]]]][[[", 2));
}

TEST(Nesting, IsFoundAnywhereInTextsOfAnySize) {
  for (std::size_t size = 1; size <= 100; ++size) {
    const std::string none(size, ' ');
    EXPECT_FALSE(is_nested_deeper(none, 0)) << size;
    for (std::size_t i = 0; i < size; ++i) {
      std::string text = none;
      text[i] = i % 2 == 0 ? '[' : '{';
      EXPECT_TRUE(is_nested_deeper(text, 0)) << size << ", " << i;
    }
  }
}

}  // namespace
}  // namespace mesh::wire
