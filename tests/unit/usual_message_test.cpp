#include <wire/usual_message.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <support/same_message.hpp>
#include <wire/encode.hpp>

namespace mesh::wire {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view uuid = "0b0e7a52-6d1b-4b8e-9d52-0a1f3f6b7c11";

bool is_usual(std::string_view text, const MeshLimits& limits = {}) {
  UsualMessage message;
  LastRequest last;
  return read_usual_message(text, limits, last, message);
}

/// With a space before it, it is read in the other way.
void expect_same(std::string_view text) {
  const auto usual = decode_node_message(text, MeshLimits{});
  const std::string spaced = " " + std::string(text);
  const auto other = decode_node_message(spaced, MeshLimits{});
  EXPECT_TRUE(test::is_same_message(usual, other)) << text;
}

std::string with(std::string_view text, std::string_view part, std::string_view instead) {
  std::string changed(text);
  const auto place = changed.find(part);
  EXPECT_NE(place, std::string::npos) << part;
  return changed.replace(place, part.size(), instead);
}

OutgoingRequest plain_request() { return {uuid, 7, "echo", R"({"a":[1,{"b":"c"}]})", 250ms}; }

TEST(UsualMessages, AreMostThatAreWritten) {
  OutgoingRequest request = plain_request();
  std::vector<std::string> written{encode_request(request), encode_response(uuid, "null"),
                                   encode_response(uuid, R"("text")")};
  request.accepts = 3;
  written.push_back(encode_request(request));
  request.deadline = 1234ms;
  request.repeat = true;
  written.push_back(encode_request(request));
  request.data = R"("a \"text\" with \u00e9scapes")";
  written.push_back(encode_request(request));
  for (const std::string& text : written) {
    EXPECT_TRUE(is_usual(text)) << text;
    expect_same(text);
  }
}

TEST(UsualMessages, AllOtherAreLeftToTheGeneralWay) {
  const std::string request = encode_request(plain_request());
  const std::string response = encode_response(uuid, "1");
  const std::vector<std::string> others{
      with(request, R"("echo")", R"("\u0065cho")"),
      with(request, R"("echo")", "1"),
      with(request, ":7,", ":07,"),
      with(request, ":7,", ":-7,"),
      with(request, ":7,", ":7.0,"),
      with(request, ":7,", ":1234567890123456,"),
      with(request, ":250,", ":0,"),
      with(request, ":250,", ":1e3,"),
      with(request, ":250,", ": 250,"),
      with(request, R"(,"data")", R"(,"repeat":false,"data")"),
      with(request, R"(,"data")", R"(,"accepts":-1,"data")"),
      with(request, R"(,"data")", R"(,"deadlineMs":"1","data")"),
      with(request, R"(,"data")", R"(,"headers":{"a":"b"},"data")"),
      with(request, R"(,"data")", R"(,"unknown":1,"data")"),
      with(request, "[1,", "[1 2,"),
      with(request, "[1,", "[01,"),
      with(request, R"(,"data":)", R"(,"data": )"),
      request.substr(0, request.size() - 1),
      request.substr(0, request.size() - 1) + " }",
      request.substr(0, request.size() - 1) + R"(,"reply":true})",
      request + " ",
      request + "}",
      with(response, "0b0e", "\\u0030b0e"),
      with(response, "0b0e", "\xFF\xFE"),
      with(response, "0b0e", std::string(300, 'x')),
      with(response, ":1}", ":}"),
      with(response, ":1}", ":1,}"),
      encode_error(uuid, "failed"),
      encode_heartbeat(uuid),
      encode_cancel(uuid),
      R"({"requestId":")",
      "{",
      "",
  };
  for (const std::string& text : others) {
    EXPECT_FALSE(is_usual(text)) << text;
    expect_same(text);
  }
}

// Each behind each other one, and as if it were the first.
TEST(UsualMessages, AreTheSameWhateverCameBefore) {
  std::vector<std::string> texts{encode_response(uuid, "1"), encode_cancel(uuid)};
  OutgoingRequest request = plain_request();
  const auto add = [&] { texts.push_back(encode_request(request)); };
  add();
  request.data = "2";
  add();
  request.sender = 77;
  add();
  request.timeout = 251ms;
  add();
  request.type = "echoes";
  add();
  request.accepts = 7;
  add();
  request.deadline = 5ms;
  add();
  request.repeat = true;
  add();
  request.deadline.reset();
  add();
  texts.push_back(with(texts.back(), R"("data")", R"("unknown":1,"data")"));
  for (const std::string& before : texts) {
    for (const std::string& text : texts) {
      LastRequest last;
      const auto first = decode_node_message(before, MeshLimits{}, last);
      const auto second = decode_node_message(text, MeshLimits{}, last);
      EXPECT_TRUE(test::is_same_message(second, decode_node_message(text, MeshLimits{})))
          << before << '\n'
          << text;
    }
  }
}

TEST(UsualMessages, PartsOfThemAreNone) {
  OutgoingRequest request = plain_request();
  request.accepts = 3;
  request.deadline = 5ms;
  for (const std::string& whole : {encode_request(request), encode_response(uuid, "[true]")}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      // Copied, so that sanitizers see what is read behind it.
      const std::string part(whole, 0, size);
      EXPECT_FALSE(is_usual(part)) << part;
      expect_same(part);
    }
  }
}

TEST(UsualMessages, LimitsHoldForThem) {
  const std::string response = encode_response(uuid, "[[1]]");
  MeshLimits limits;
  limits.nesting_depth = 3;
  EXPECT_TRUE(is_usual(response, limits));
  limits.nesting_depth = 2;
  EXPECT_FALSE(is_usual(response, limits));
  limits = {};
  limits.message_size = response.size();
  EXPECT_TRUE(is_usual(response, limits));
  limits.message_size = response.size() - 1;
  EXPECT_FALSE(is_usual(response, limits));
}

}  // namespace
}  // namespace mesh::wire
