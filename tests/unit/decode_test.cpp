#include <wire/decode.hpp>
#include <wire/encode.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

namespace mesh::wire {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

NodeMessage decode_text(std::string_view text) { return decode_node_message(text, MeshLimits{}); }

NodeMessage decode(const Json& document) { return decode_text(document.dump()); }

std::string reason(const NodeMessage& message) {
  const auto* malformed = std::get_if<Malformed>(&message);
  return malformed == nullptr ? "" : malformed->reason;
}

std::string kind(const NodeMessage& message) {
  static const std::vector<std::string> names{"request", "response", "heartbeat", "malformed",
                                              "cancel"};
  return names.at(message.index());
}

Json request() {
  return Json::parse(R"({"requestId": "r-1", "senderInstanceId": 7, "type": "echo",
                         "data": {"a": [1, 2]}, "timeoutMs": 250})");
}

Json with(Json document, const std::string& field, Json value) {
  document[field] = std::move(value);
  return document;
}

Json without(Json document, const std::string& field) {
  document.erase(field);
  return document;
}

TEST(DecodeRequest, TakesEveryField) {
  const auto message = decode(request());
  const auto* decoded = std::get_if<Request>(&message);
  ASSERT_NE(decoded, nullptr) << reason(message);
  EXPECT_EQ(decoded->request_id, "r-1");
  EXPECT_EQ(decoded->sender, 7);
  EXPECT_EQ(decoded->type, "echo");
  EXPECT_EQ(decoded->data, R"({"a":[1,2]})");
  EXPECT_EQ(decoded->timeout, 250ms);
}

TEST(DecodeRequest, IgnoresUnknownFields) {
  const auto message = decode(with(with(request(), "x", 1), "__proto__", nullptr));
  EXPECT_EQ(kind(message), "request") << reason(message);
}

TEST(DecodeRequest, AbsentDataReadsAsNull) {
  const auto message = decode(without(request(), "data"));
  ASSERT_EQ(kind(message), "request") << reason(message);
  EXPECT_EQ(std::get<Request>(message).data, "null");
}

TEST(DecodeRequest, EveryKindOfDataComesThroughUnchanged) {
  for (const char* text : {"null", "true", "false", "0", "-1", "1.5", R"("")", R"("text")", "[]",
                           "{}", "18446744073709551615", R"("\u0000\ud83d\ude00")"}) {
    const auto message = decode(with(request(), "data", Json::parse(text)));
    ASSERT_EQ(kind(message), "request") << text;
    EXPECT_EQ(Json::parse(std::get<Request>(message).data), Json::parse(text));
  }
}

TEST(DecodeRequest, AbsentTimeoutIsNoTimeout) {
  const auto message = decode(without(request(), "timeoutMs"));
  ASSERT_EQ(kind(message), "request") << reason(message);
  EXPECT_EQ(std::get<Request>(message).timeout, std::nullopt);
}

TEST(DecodeRequest, FractionalTimeoutIsRoundedUp) {
  const auto message = decode(with(request(), "timeoutMs", 0.25));
  ASSERT_EQ(kind(message), "request") << reason(message);
  EXPECT_EQ(std::get<Request>(message).timeout, 1ms);
}

TEST(DecodeRequest, HugeTimeoutStaysPositiveAndFinite) {
  for (const char* text : {"1e12", "1e300", "9007199254740993", "18446744073709551615",
                           "99999999999999999999999999"}) {
    const auto message = decode(with(request(), "timeoutMs", Json::parse(text)));
    ASSERT_EQ(kind(message), "request") << text << ": " << reason(message);
    const auto timeout = std::get<Request>(message).timeout;
    ASSERT_TRUE(timeout) << text;
    EXPECT_GE(*timeout, 1000000000000ms) << text;
    // Times computed from it must not overflow.
    EXPECT_LT(*timeout, std::chrono::hours(24 * 365 * 100)) << text;
  }
}

TEST(DecodeRequest, TimeoutIsTakenAsJavaScriptCalculatesWithIt) {
  using Timeout = std::optional<std::chrono::milliseconds>;
  for (const auto& [text, expected] :
       std::vector<std::pair<const char*, Timeout>>{{"null", std::nullopt},
                                                    {"0", 1ms},
                                                    {"-1", 1ms},
                                                    {"-0.5", 1ms},
                                                    {"0.0", 1ms},
                                                    {"-1e300", 1ms},
                                                    {"true", 1ms},
                                                    {"false", 1ms},
                                                    {R"("250")", 250ms},
                                                    {R"(" 2.5e2 ")", 250ms},
                                                    {R"("-250")", 1ms},
                                                    {R"("")", 1ms},
                                                    {R"("soon")", 1ms},
                                                    {R"("1\u0000")", 1ms},
                                                    {"{}", 1ms}}) {
    const std::string before = R"({"requestId":"r","senderInstanceId":7,"type":"t","timeoutMs":)";
    const auto message = decode_text(before + text + "}");
    ASSERT_EQ(kind(message), "request") << text << ": " << reason(message);
    EXPECT_EQ(std::get<Request>(message).timeout, expected) << text;
  }
}

TEST(DecodeRequest, EachMissingFieldIsMalformedAndNamed) {
  for (const std::string field : {"requestId", "senderInstanceId", "type"}) {
    const auto message = decode(without(request(), field));
    ASSERT_EQ(kind(message), "malformed") << field;
    EXPECT_NE(reason(message).find(field), std::string::npos) << reason(message);
  }
}

TEST(DecodeRequest, EachWronglyTypedTextIsMalformedAndNamed) {
  for (const std::string field : {"requestId", "type"}) {
    for (const char* value : {"null", "1", "1.5", "true", "[]", "{}", R"(["a"])"}) {
      const auto message = decode(with(request(), field, Json::parse(value)));
      ASSERT_EQ(kind(message), "malformed") << field << ": " << value;
      EXPECT_NE(reason(message).find(field), std::string::npos) << reason(message);
    }
  }
}

TEST(DecodeRequest, SenderThatIsNotAnIntegerIsMalformedAndNamed) {
  for (const char* value : {"null", "1.5", "true", R"("7")", "[7]", "{}", "1e300", "-1e300",
                            "9007199254740993", "18446744073709551615"}) {
    const auto message = decode(with(request(), "senderInstanceId", Json::parse(value)));
    ASSERT_EQ(kind(message), "malformed") << value;
    EXPECT_NE(reason(message).find("senderInstanceId"), std::string::npos) << reason(message);
  }
}

TEST(DecodeRequest, SenderIsTakenInEveryWayToWriteAnInteger) {
  for (const auto& [value, expected] : std::vector<std::pair<const char*, InstanceId>>{
           {"7", 7}, {"7.0", 7}, {"7e0", 7}, {"-3", -3}, {"9007199254740991", 9007199254740991}}) {
    const auto message = decode(with(request(), "senderInstanceId", Json::parse(value)));
    ASSERT_EQ(kind(message), "request") << value << ": " << reason(message);
    EXPECT_EQ(std::get<Request>(message).sender, expected);
  }
}

TEST(DecodeRequest, EmptyTextsAreTexts) {
  const auto message = decode(with(with(request(), "type", ""), "requestId", ""));
  EXPECT_EQ(kind(message), "request") << reason(message);
}

TEST(DecodeRequest, TheRestOfADeadlineStaysWithinReason) {
  using Rest = std::optional<std::chrono::milliseconds>;
  for (const auto& [text, expected] :
       std::vector<std::pair<const char*, Rest>>{{"0", 0ms},
                                                 {"250", 250ms},
                                                 {"-1", 0ms},
                                                 {"-99999999999999", 0ms},
                                                 {"999999999999999", 1000000000000ms},
                                                 {"1e3", std::nullopt},
                                                 {"1.5", std::nullopt},
                                                 {"null", std::nullopt},
                                                 {R"("7")", std::nullopt}}) {
    const auto message = decode(with(request(), "deadlineMs", Json::parse(text)));
    ASSERT_EQ(kind(message), "request") << text << ": " << reason(message);
    if (Json::parse(text).is_number_float()) continue;  // written as one
    EXPECT_EQ(std::get<Request>(message).deadline, expected) << text;
  }
}

TEST(DecodeCancel, ComesBehindTheOthersInOrder) {
  EXPECT_EQ(kind(decode_text(R"({"requestId":"r","cancel":true})")), "cancel");
  EXPECT_EQ(kind(decode_text(R"({"requestId":"r","cancel":true,"reply":true})")), "response");
  EXPECT_EQ(kind(decode(with(request(), "cancel", false))), "request");
  EXPECT_EQ(kind(decode_text(R"({"cancel":true})")), "malformed");
}

TEST(DecodeHeartbeat, TakesTheRequestId) {
  const auto message = decode_text(R"({"requestId":"r-1","heartbeat":true})");
  ASSERT_EQ(kind(message), "heartbeat") << reason(message);
  EXPECT_EQ(std::get<Heartbeat>(message).request_id, "r-1");
}

TEST(DecodeHeartbeat, WithoutRequestIdIsMalformed) {
  EXPECT_EQ(kind(decode_text(R"({"heartbeat":true})")), "malformed");
  EXPECT_EQ(kind(decode_text(R"({"heartbeat":true,"requestId":3})")), "malformed");
}

TEST(DecodeResponse, TakesData) {
  const auto message = decode_text(R"({"requestId":"r","reply":true,"data":[1]})");
  ASSERT_EQ(kind(message), "response") << reason(message);
  const auto& response = std::get<Response>(message);
  EXPECT_EQ(response.request_id, "r");
  EXPECT_EQ(response.data, "[1]");
  EXPECT_EQ(response.error, std::nullopt);
}

TEST(DecodeResponse, NullDataAndAbsentDataReadAsNull) {
  for (const char* text :
       {R"({"requestId":"r","reply":true,"data":null})", R"({"requestId":"r","reply":true})"}) {
    const auto message = decode_text(text);
    ASSERT_EQ(kind(message), "response") << reason(message);
    EXPECT_EQ(std::get<Response>(message).data, "null");
    EXPECT_FALSE(std::get<Response>(message).error);
  }
}

TEST(DecodeResponse, PresentErrorMeansFailureEvenIfEmpty) {
  for (const std::string error : {"", "boom", "MESH_NO_HANDLER:x"}) {
    const Json document{{"requestId", "r"}, {"reply", true}, {"error", error}};
    const auto message = decode(document);
    ASSERT_EQ(kind(message), "response") << reason(message);
    EXPECT_EQ(std::get<Response>(message).error, error);
  }
}

TEST(DecodeResponse, ErrorBesidesDataStillMeansFailure) {
  const auto message = decode_text(R"({"requestId":"r","reply":true,"data":1,"error":"e"})");
  ASSERT_EQ(kind(message), "response");
  EXPECT_EQ(std::get<Response>(message).error, "e");
}

TEST(DecodeResponse, ErrorThatIsNotTextBecomesOne) {
  for (const auto& [value, expected] :
       std::vector<std::pair<const char*, const char*>>{{"null", "null"},
                                                        {"5", "5"},
                                                        {"-5.0", "-5"},
                                                        {"0.5", "0.5"},
                                                        {"false", "false"},
                                                        {R"({"code":7})", R"({"code":7})"},
                                                        {"[1,2]", "[1,2]"}}) {
    const auto message = decode_text(
        std::string(R"({"requestId":"r","reply":true,"data":1,"error":)") + value + "}");
    ASSERT_EQ(kind(message), "response") << value << ": " << reason(message);
    EXPECT_EQ(std::get<Response>(message).error, expected) << value;
  }
}

TEST(DecodeResponse, WithoutRequestIdIsMalformed) {
  EXPECT_EQ(kind(decode_text(R"({"reply":true,"data":1})")), "malformed");
}

TEST(DecodeKind, HeartbeatIsTestedBeforeReplyAndRequest) {
  EXPECT_EQ(kind(decode(with(with(request(), "heartbeat", true), "reply", true))), "heartbeat");
  EXPECT_EQ(kind(decode(with(request(), "heartbeat", true))), "heartbeat");
}

TEST(DecodeKind, ReplyIsTestedBeforeRequest) {
  EXPECT_EQ(kind(decode(with(request(), "reply", true))), "response");
}

TEST(DecodeKind, HeartbeatWithWrongFieldsDoesNotFallThroughToReply) {
  const Json document{{"heartbeat", true}, {"reply", true}, {"requestId", 5}};
  EXPECT_EQ(kind(decode(document)), "malformed");
}

TEST(DecodeKind, TruthinessIsThatOfJavaScript) {
  for (const char* truthy :
       {"true", "1", "-1", "0.5", "1e-300", R"("x")", R"("0")", R"("false")", "[]", "{}", "[0]"}) {
    EXPECT_EQ(kind(decode(with(request(), "heartbeat", Json::parse(truthy)))), "heartbeat")
        << truthy;
    EXPECT_EQ(kind(decode(with(request(), "reply", Json::parse(truthy)))), "response") << truthy;
  }
  for (const char* falsy : {"false", "null", "0", "0.0", "-0", "-0.0", R"("")"}) {
    const auto message =
        decode(with(with(request(), "heartbeat", Json::parse(falsy)), "reply", Json::parse(falsy)));
    EXPECT_EQ(kind(message), "request") << falsy << ": " << reason(message);
  }
}

TEST(DecodeKind, TheLastOfRepeatedKeysCounts) {
  EXPECT_EQ(
      kind(decode_text(R"({"requestId":"r","heartbeat":true,"reply":true,"heartbeat":false})")),
      "response");
}

TEST(DecodeNodeMessage, WhatIsNotAnObjectIsMalformed) {
  for (const char* text :
       {"", " ", "null", "1", "true", R"("text")", "[]", "[{}]", "{", "}", "{]", "{} {}", "{'a':1}",
        "{\"a\":1,}", "NaN", "undefined", "\xff", "{\"requestId\":\"\xff\"}", "{\"a\":\"\n\"}"}) {
    EXPECT_EQ(kind(decode_text(text)), "malformed") << text;
  }
  EXPECT_EQ(kind(decode_text("{}")), "malformed");
}

TEST(DecodeNodeMessage, ZeroBytesAreMalformed) {
  const std::string text = request().dump() + std::string(1, '\0');
  EXPECT_EQ(kind(decode_text(text)), "malformed");
  EXPECT_EQ(kind(decode_text(std::string(10, '\0'))), "malformed");
}

TEST(DecodeNodeMessage, RequestIdsOfAnyLengthAreMalformed) {
  EXPECT_EQ(kind(decode(with(request(), "requestId", std::string(256, 'x')))), "request");
  EXPECT_EQ(kind(decode(with(request(), "requestId", std::string(257, 'x')))), "malformed");
}

TEST(DecodeNodeMessage, EveryTruncationIsMalformed) {
  const std::string text = request().dump();
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_EQ(kind(decode_text(std::string_view(text).substr(0, size))), "malformed") << size;
  }
}

TEST(DecodeNodeMessage, ByteFlipsNeverThrow) {
  const std::string text = request().dump();
  for (std::size_t position = 0; position < text.size(); ++position) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string flipped = text;
      flipped[position] = static_cast<char>(byte);
      EXPECT_NO_THROW(static_cast<void>(decode_text(flipped)));
    }
  }
}

TEST(DecodeLimits, MessageOfExactlyTheLimitIsTaken) {
  const std::string text = request().dump();
  MeshLimits limits;
  limits.message_size = text.size();
  EXPECT_EQ(kind(decode_node_message(text, limits)), "request");
  limits.message_size = text.size() - 1;
  const auto message = decode_node_message(text, limits);
  ASSERT_EQ(kind(message), "malformed");
  EXPECT_NE(reason(message).find("message_size"), std::string::npos) << reason(message);
}

TEST(DecodeLimits, NestingOfExactlyTheLimitIsTaken) {
  MeshLimits limits;
  limits.nesting_depth = 3;
  EXPECT_EQ(kind(decode_node_message(with(request(), "data", Json::parse("[[]]")).dump(), limits)),
            "request");
  for (const char* deep : {"[[[]]]", R"([[{"a":1}]])", R"({"a":{"b":{}}})"}) {
    const auto message =
        decode_node_message(with(request(), "data", Json::parse(deep)).dump(), limits);
    ASSERT_EQ(kind(message), "malformed") << deep;
    EXPECT_NE(reason(message).find("nesting_depth"), std::string::npos) << reason(message);
  }
}

TEST(DecodeLimits, BracketsInTextsAreNotNesting) {
  MeshLimits limits;
  limits.nesting_depth = 1;
  const auto document = with(request(), "data", R"([[[[{{{{\"[[[)");
  EXPECT_EQ(kind(decode_node_message(document.dump(), limits)), "request");
}

TEST(DecodeLimits, SiblingsAreNotNesting) {
  MeshLimits limits;
  limits.nesting_depth = 3;
  const auto document = with(request(), "data", Json::parse("[[],[],{},[],{},[]]"));
  EXPECT_EQ(kind(decode_node_message(document.dump(), limits)), "request");
}

TEST(DecodeLimits, MillionsOfOpeningBracketsAreMalformed) {
  for (const char* opening : {"[", R"({"a":)"}) {
    std::string text;
    for (int i = 0; i < 1000000; ++i) text += opening;
    EXPECT_EQ(kind(decode_text(text)), "malformed");
  }
}

TEST(DecodeLimits, UnbalancedClosingBracketsDoNotHideNesting) {
  MeshLimits limits;
  limits.nesting_depth = 2;
  EXPECT_EQ(kind(decode_node_message("]]]]]][[[[[", limits)), "malformed");
}

BroadcastMessage broadcast(std::string_view text) { return decode_broadcast(text, MeshLimits{}); }

TEST(DecodeBroadcast, TakesEveryField) {
  const auto message = broadcast(
      R"({"broadcast":true,"senderInstanceId":3,"type":"configUpdated","data":{"a":1},"x":0})");
  const auto* decoded = std::get_if<Broadcast>(&message);
  ASSERT_NE(decoded, nullptr);
  EXPECT_EQ(decoded->sender, 3);
  EXPECT_EQ(decoded->type, "configUpdated");
  EXPECT_EQ(decoded->data, R"({"a":1})");
}

TEST(DecodeBroadcast, AbsentDataReadsAsNull) {
  const auto message = broadcast(R"({"broadcast":true,"senderInstanceId":3,"type":"t"})");
  const auto* decoded = std::get_if<Broadcast>(&message);
  ASSERT_NE(decoded, nullptr);
  EXPECT_EQ(decoded->data, "null");
}

TEST(DecodeBroadcast, MayComeFromNobody) {
  for (const char* text : {R"({"broadcast":true,"type":"t","data":1})",
                           R"({"broadcast":true,"senderInstanceId":null,"type":"t","data":1})"}) {
    const auto message = broadcast(text);
    const auto* decoded = std::get_if<Broadcast>(&message);
    ASSERT_NE(decoded, nullptr) << text;
    EXPECT_EQ(decoded->sender, 0);
    EXPECT_EQ(decoded->data, "1");
  }
}

// The original hands the text on to the handler. Here that gets a number, or 0 as from nobody.
TEST(DecodeBroadcast, ASenderMayBeAText) {
  for (const auto& [sender, expected] :
       std::vector<std::pair<const char*, InstanceId>>{{"3", 3},
                                                       {"3.0", 3},
                                                       {"-3", -3},
                                                       {"9007199254740991", 9007199254740991},
                                                       {"", 0},
                                                       {"gateway", 0},
                                                       {"1.5", 0},
                                                       {"1e300", 0},
                                                       {"NaN", 0}}) {
    const Json message = {{"broadcast", true}, {"senderInstanceId", sender}, {"type", "t"}};
    const auto decoded = broadcast(message.dump());
    ASSERT_TRUE(std::holds_alternative<Broadcast>(decoded)) << sender;
    EXPECT_EQ(std::get<Broadcast>(decoded).sender, expected) << sender;
  }
}

TEST(DecodeBroadcast, WrongOrMissingFieldsAreMalformed) {
  for (const char* text : {R"({"broadcast":true,"senderInstanceId":3})",
                           R"({"broadcast":true,"senderInstanceId":3,"type":1})",
                           R"({"broadcast":true,"senderInstanceId":1.5,"type":"t"})", "[]", "", "{",
                           "null", R"({"senderInstanceId":3,"type":"t","data":1})",
                           R"({"broadcast":false,"senderInstanceId":3,"type":"t"})"}) {
    EXPECT_TRUE(std::holds_alternative<Malformed>(broadcast(text))) << text;
  }
}

TEST(DecodeBroadcast, KeepsTheLimits) {
  MeshLimits limits;
  limits.nesting_depth = 2;
  const std::string deep = R"({"broadcast":true,"senderInstanceId":3,"type":"t","data":[[]]})";
  EXPECT_TRUE(std::holds_alternative<Malformed>(decode_broadcast(deep, limits)));
  limits = {};
  limits.message_size = deep.size() - 1;
  EXPECT_TRUE(std::holds_alternative<Malformed>(decode_broadcast(deep, limits)));
  limits.message_size = deep.size();
  EXPECT_TRUE(std::holds_alternative<Broadcast>(decode_broadcast(deep, limits)));
}

TEST(Decode, HalvesOfSurrogatePairsAreReplacedInTheEnvelopeAndLeftInTheData) {
  const std::string replaced = "cut \xEF\xBF\xBD";
  const std::string cut = R"("cut \ud83d")";
  const std::string data = R"({"a":[)" + cut + "]," + cut + R"(:"\\ud83d"})";
  const auto request = decode_text(R"({"requestId":"r","senderInstanceId":1,"type":)" + cut +
                                   R"(,"data":)" + data + "}");
  ASSERT_EQ(kind(request), "request") << reason(request);
  EXPECT_EQ(std::get<Request>(request).type, replaced);
  EXPECT_EQ(std::get<Request>(request).data, data);
  const auto failure = decode_text(R"({"requestId":"r","reply":true,"error":)" + cut + "}");
  ASSERT_EQ(kind(failure), "response") << reason(failure);
  EXPECT_EQ(std::get<Response>(failure).error, replaced);
}

TEST(Decode, OnlyHalvesOfSurrogatePairsAreReplaced) {
  const std::string one = "\xEF\xBF\xBD";
  const std::string emoji = "\xF0\x9F\x98\x80";
  for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{
           {R"(\ud83d\ude00\ud83d)", emoji + one},
           {R"(\ud83d\ud83d\ude00)", one + emoji},
           {R"(\ude00\ud83d)", one + one},
           {R"(\uD83D\u0041\uDE00z)", one + "A" + one + "z"},
           {R"(\ud83d\n\\\udfff)", one + "\n\\" + one},
           {R"(\ud7ff\ue000\udbff)", "\xED\x9F\xBF\xEE\x80\x80" + one}}) {
    const auto message = decode_text(R"({"requestId":"r","reply":true,"error":")" + text + R"("})");
    ASSERT_EQ(kind(message), "response") << text;
    EXPECT_EQ(std::get<Response>(message).error, expected) << text;
  }
  EXPECT_EQ(kind(decode_text(R"({"requestId":"r","reply":true,"data":"\ud83d\u12g4"})")),
            "malformed");
  EXPECT_EQ(kind(decode_text(R"({"requestId":"r","reply":true,"data":"\ud83d)")), "malformed");
}

TEST(Decode, DataAreTheTextThatWasSent) {
  for (const std::string data : {R"({ "b" : 1.50 , "a" : [ ] })", "-0", "1E5", R"("\/\u0041")",
                                 "123456789012345678901234"}) {
    const std::string text = R"({"requestId":"r","reply":true,"data": )" + data + " }";
    const auto message = decode_text(text);
    ASSERT_EQ(kind(message), "response") << data << ": " << reason(message);
    EXPECT_EQ(std::get<Response>(message).data, data);
  }
}

TEST(Decode, AMarkOfTheByteOrderIsNoDataAndNoBeginning) {
  const std::string mark = "\xEF\xBB\xBF";
  EXPECT_EQ(kind(decode_text(R"({"requestId":"r","reply":true,"data":)" + mark + "1}")),
            "malformed");
  EXPECT_EQ(kind(decode_text(mark + R"({"requestId":"r","heartbeat":true})")), "malformed");
}

TEST(Decode, OfAFieldThatComesTwiceTheLastOneCounts) {
  const auto response =
      decode_text(R"({"requestId":"a","data":1,"reply":true,"data":2,"requestId":"b"})");
  ASSERT_EQ(kind(response), "response");
  EXPECT_EQ(std::get<Response>(response).request_id, "b");
  EXPECT_EQ(std::get<Response>(response).data, "2");
}

TEST(Decode, NamesOfFieldsMayBeEscaped) {
  const auto message = decode_text(R"({"\u0072equestId":"\u0072","heart\u0062eat":1})");
  ASSERT_EQ(kind(message), "heartbeat") << reason(message);
  EXPECT_EQ(std::get<Heartbeat>(message).request_id, "r");
}

TEST(DecodeEvent, TellsWhoLeft) {
  EXPECT_EQ(decode_event(R"({"left":7})")->left, 7);
  EXPECT_EQ(decode_event(R"({"joined":7})")->left, std::nullopt);
  EXPECT_EQ(decode_event(R"({"left":"7","more":[{}]})")->left, std::nullopt);
  EXPECT_EQ(decode_event(R"({"left":1.5})")->left, std::nullopt);
  for (const char* text : {"", "[]", "7", R"({"left":7)", R"({"left":7}})", "{left:7}"}) {
    EXPECT_FALSE(decode_event(text)) << text;
  }
}

}  // namespace
}  // namespace mesh::wire
