#include <wire/decode.hpp>
#include <wire/encode.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

namespace mesh::wire {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

TEST(EncodeRequest, HasExactlyTheDocumentedFields) {
  const Json message = Json::parse(encode_request({"r-1", 7, "echo", R"({"a":1})", 250ms}));
  EXPECT_EQ(message, Json::parse(R"({"requestId":"r-1","senderInstanceId":7,"type":"echo",
                                     "data":{"a":1},"timeoutMs":250})"));
  EXPECT_TRUE(message.at("timeoutMs").is_number_integer());
}

TEST(EncodeRequest, TimeoutsStayWithinWhatTimersOfJavaScriptTake) {
  const auto written = [](std::chrono::milliseconds timeout) {
    return Json::parse(encode_request({"r", 7, "echo", "0", timeout})).at("timeoutMs");
  };
  EXPECT_EQ(written(2147483646ms), 2147483646);
  EXPECT_EQ(written(2147483647ms), 2147483647);
  for (const auto timeout :
       {2147483648ms, std::chrono::milliseconds(24h * 365), std::chrono::milliseconds::max()}) {
    EXPECT_EQ(written(timeout), 2147483647);
  }
}

TEST(EncodeResponse, HasExactlyTheDocumentedFields) {
  EXPECT_EQ(Json::parse(encode_response("r-1", "null")),
            Json::parse(R"({"requestId":"r-1","reply":true,"data":null})"));
}

TEST(EncodeError, HasExactlyTheDocumentedFields) {
  EXPECT_EQ(Json::parse(encode_error("r-1", "boom")),
            Json::parse(R"({"requestId":"r-1","reply":true,"error":"boom"})"));
}

TEST(EncodeError, EmptyTextIsPresent) {
  EXPECT_EQ(Json::parse(encode_error("r-1", "")).at("error"), "");
}

TEST(EncodeError, TextThatIsNotUtf8IsReplacedNotRefused) {
  for (const std::string text : {"caf\xe9", "\xff\xfe", "\xc3", "a\x80z", "\xed\xa0\x80"}) {
    const Json message = Json::parse(encode_error("r", text), nullptr, false);
    ASSERT_FALSE(message.is_discarded());
    EXPECT_NE(message.at("error").get<std::string>().find("\xef\xbf\xbd"), std::string::npos);
  }
}

TEST(EncodeError, SpecialCharactersComeThrough) {
  using namespace std::string_literals;
  for (const std::string& text : {"\"quoted\" \\ / \b\f\n\r\t"s, "zero\0byte"s, "\x01\x1f\x7f"s,
                                  "\xf0\x9f\x98\x80 \xe2\x80\xa8\xe2\x80\xa9"s}) {
    const auto message = decode_node_message(encode_error("r", text), MeshLimits{});
    ASSERT_TRUE(std::holds_alternative<Response>(message));
    EXPECT_EQ(std::get<Response>(message).error, text);
  }
}

TEST(EncodeRequest, TellsWhatItsSenderAcceptsIfThatIsMoreThanTheOriginal) {
  OutgoingRequest request{"r", 7, "echo", "0", 1ms};
  EXPECT_FALSE(Json::parse(encode_request(request)).contains("accepts"));
  request.accepts = 3;
  EXPECT_EQ(Json::parse(encode_request(request)).at("accepts"), 3);
}

TEST(EncodeFailure, HasTheDocumentedFieldsThatAreNotEmpty) {
  EXPECT_EQ(Json::parse(encode_failure("r", {"boom"})),
            Json::parse(R"({"requestId":"r","reply":true,"error":"boom"})"));
  EXPECT_EQ(Json::parse(encode_failure("r", {"boom", "empty", R"({"left":0})"})),
            Json::parse(R"({"requestId":"r","reply":true,"error":"boom","code":"empty",
                            "details":{"left":0}})"));
  EXPECT_EQ(Json::parse(encode_failure("r", {"full", "busy", "", Executed::no})),
            Json::parse(R"({"requestId":"r","reply":true,"error":"full","code":"busy",
                            "executed":"no"})"));
  EXPECT_EQ(Json::parse(encode_failure("r", {"?", "unknown", "", Executed::maybe})).at("executed"),
            "maybe");
}

TEST(EncodeHeartbeat, HasExactlyTheDocumentedFields) {
  EXPECT_EQ(Json::parse(encode_heartbeat("r-1")),
            Json::parse(R"({"requestId":"r-1","heartbeat":true})"));
}

TEST(EncodeBroadcast, HasExactlyTheDocumentedFields) {
  EXPECT_EQ(Json::parse(encode_broadcast(7, "t", "[1]")),
            Json::parse(R"({"broadcast":true,"senderInstanceId":7,"type":"t","data":[1]})"));
}

TEST(Encode, TypesAndIdsAreQuoted) {
  const std::string awkward = "a\"b\\c\n";
  EXPECT_EQ(Json::parse(encode_request({awkward, 1, awkward, "0", 1ms})).at("type"), awkward);
  EXPECT_EQ(Json::parse(encode_request({awkward, 1, awkward, "0", 1ms})).at("requestId"), awkward);
  EXPECT_EQ(Json::parse(encode_response(awkward, "0")).at("requestId"), awkward);
  EXPECT_EQ(Json::parse(encode_heartbeat(awkward)).at("requestId"), awkward);
  EXPECT_EQ(Json::parse(encode_broadcast(1, awkward, "0")).at("type"), awkward);
}

TEST(RequestWriter, SaysWhatTheGeneralWayDoes) {
  RequestWriter writer;
  std::string memory(500, 'x');
  const auto expect_same = [&](const OutgoingRequest& request) {
    memory = writer.encode(request, std::move(memory));
    EXPECT_EQ(memory, encode_request(request));
  };
  OutgoingRequest request{"id", 7, "echo", "[1]", 10s};
  expect_same(request);
  expect_same(request);
  request.request_id = "another";
  request.data = R"({"a":"}"})";
  expect_same(request);
  request.accepts = 7;
  expect_same(request);
  request.type = "a \"type\"";
  expect_same(request);
  request.type = "echo";
  expect_same(request);
  request.sender = 8;
  expect_same(request);
  request.timeout = std::chrono::hours(24 * 365);
  expect_same(request);
  request.headers = R"({"a":"b"})";
  expect_same(request);
  request.headers = "";
  request.deadline = 5ms;
  expect_same(request);
  request.deadline.reset();
  request.repeat = true;
  expect_same(request);
  request.repeat = false;
  const std::string long_type(1000, 't');
  request.type = long_type;
  expect_same(request);
  expect_same(request);
}

TEST(RoundTrip, RequestIsDecodedAsItWas) {
  const auto message = decode_node_message(
      encode_request({"r", 9007199254740991, "type", R"({"n":[1,null]})", 10000ms}), MeshLimits{});
  const auto* request = std::get_if<Request>(&message);
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(request->request_id, "r");
  EXPECT_EQ(request->sender, 9007199254740991);
  EXPECT_EQ(request->type, "type");
  EXPECT_EQ(request->data, R"({"n":[1,null]})");
  EXPECT_EQ(request->timeout, 10000ms);
}

TEST(RoundTrip, ResponseHeartbeatAndBroadcastAreDecodedAsTheyWere) {
  const std::string text = encode_response("r", "[1]");
  const auto response = decode_node_message(text, MeshLimits{});
  ASSERT_TRUE(std::holds_alternative<Response>(response));
  EXPECT_EQ(std::get<Response>(response).data, "[1]");
  EXPECT_FALSE(std::get<Response>(response).error);
  EXPECT_TRUE(
      std::holds_alternative<Heartbeat>(decode_node_message(encode_heartbeat("r"), MeshLimits{})));
  const auto broadcast = decode_broadcast(encode_broadcast(4, "t", "1"), MeshLimits{});
  ASSERT_TRUE(std::holds_alternative<Broadcast>(broadcast));
  EXPECT_EQ(std::get<Broadcast>(broadcast).sender, 4);
}

TEST(NoHandlerError, IsTheDocumentedText) {
  EXPECT_EQ(no_handler_error("getStatus"), "MESH_NO_HANDLER:getStatus");
}

TEST(NoHandlerError, IsRecognizedWithItsType) {
  EXPECT_EQ(parse_no_handler_error("MESH_NO_HANDLER:getStatus"), "getStatus");
  EXPECT_EQ(parse_no_handler_error("MESH_NO_HANDLER:"), "");
  EXPECT_EQ(parse_no_handler_error("MESH_NO_HANDLER:a:b"), "a:b");
}

TEST(NoHandlerError, OtherTextsAreNot) {
  for (const char* text : {"", "boom", "mesh_no_handler:x", " MESH_NO_HANDLER:x", "MESH_NO_HANDLER",
                           "error: MESH_NO_HANDLER:x"}) {
    EXPECT_EQ(parse_no_handler_error(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace mesh::wire
