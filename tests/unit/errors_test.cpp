#include <mesh/errors.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <type_traits>

namespace mesh {
namespace {

using namespace std::chrono_literals;

template <typename... Errors>
constexpr bool all_are_mesh_errors = (std::is_base_of_v<MeshError, Errors> && ...);

static_assert(std::is_base_of_v<std::runtime_error, MeshError>);
static_assert(
    all_are_mesh_errors<MeshRequestTimeoutError, MeshNodeUnreachableError, MeshHandlerError,
                        MeshNoHandlerError, MeshStoppedError, MeshNotRunningError,
                        MeshAlreadyRunningError, MeshConnectionError, MeshRedisError,
                        MeshDecodeError, MeshEncodeError, MeshLimitError>);
static_assert(std::is_base_of_v<MeshRequestTimeoutError, MeshNodeUnreachableError>);

::testing::AssertionResult mentions(const std::exception& error, const std::string& part) {
  const std::string text = error.what();
  if (text.find(part) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << '"' << text << "\" does not mention \"" << part << '"';
}

TEST(Errors, RequestTimeoutNamesNodeTypeAndTimeout) {
  const MeshRequestTimeoutError error(42, "getStatus", 250ms);
  EXPECT_EQ(error.instance_id(), 42);
  EXPECT_EQ(error.type(), "getStatus");
  EXPECT_TRUE(mentions(error, "42"));
  EXPECT_TRUE(mentions(error, "getStatus"));
  EXPECT_TRUE(mentions(error, "250 ms"));
}

TEST(Errors, NodeUnreachableNamesNodeAndType) {
  const MeshNodeUnreachableError error(42, "getStatus");
  EXPECT_EQ(error.instance_id(), 42);
  EXPECT_EQ(error.type(), "getStatus");
  EXPECT_TRUE(mentions(error, "42"));
  EXPECT_TRUE(mentions(error, "getStatus"));
}

TEST(Errors, HandlerErrorIsExactlyTheRemoteMessage) {
  EXPECT_STREQ(MeshHandlerError("boom").what(), "boom");
  EXPECT_STREQ(MeshHandlerError("").what(), "");
}

TEST(Errors, NoHandlerNamesTheType) {
  const MeshNoHandlerError error("getStatus");
  EXPECT_EQ(error.type(), "getStatus");
  EXPECT_TRUE(mentions(error, "getStatus"));
}

TEST(Errors, StateErrorsHaveTheDocumentedTexts) {
  EXPECT_STREQ(MeshStoppedError().what(), "MeshService stopped");
  EXPECT_STREQ(MeshNotRunningError().what(), "MeshService is not running");
  EXPECT_STREQ(MeshAlreadyRunningError().what(), "MeshService is already running");
}

TEST(Errors, ConnectionErrorNamesHostPortAndCause) {
  const MeshConnectionError error("redis.example", 6380, "connection refused");
  EXPECT_EQ(error.host(), "redis.example");
  EXPECT_EQ(error.port(), 6380);
  EXPECT_EQ(error.cause(), "connection refused");
  EXPECT_TRUE(mentions(error, "redis.example:6380"));
  EXPECT_TRUE(mentions(error, "connection refused"));
}

TEST(Errors, ConnectionErrorOfAUnixSocketNamesThePathAlone) {
  const MeshConnectionError error("/run/redis.sock", 0, "no such file");
  EXPECT_EQ(error.port(), 0);
  EXPECT_TRUE(mentions(error, "/run/redis.sock: no such file"));
}

TEST(Errors, DecodeErrorNamesTypeFieldAndCause) {
  const MeshDecodeError error("getStatus", "/items/2/price", "must be a number");
  EXPECT_EQ(error.type(), "getStatus");
  EXPECT_EQ(error.path(), "/items/2/price");
  EXPECT_TRUE(mentions(error, "getStatus"));
  EXPECT_TRUE(mentions(error, "/items/2/price"));
  EXPECT_TRUE(mentions(error, "must be a number"));
}

TEST(Errors, DecodeErrorOfTheWholeValueHasAnEmptyPath) {
  const MeshDecodeError error("getStatus", "", "must be an object");
  EXPECT_EQ(error.path(), "");
  EXPECT_TRUE(mentions(error, "must be an object"));
}

TEST(Errors, EncodeErrorNamesTypeAndCause) {
  const MeshEncodeError error("getStatus", "not UTF-8");
  EXPECT_EQ(error.type(), "getStatus");
  EXPECT_TRUE(mentions(error, "getStatus"));
  EXPECT_TRUE(mentions(error, "not UTF-8"));
}

TEST(Errors, AreCaughtAsMeshErrorAndCopied) {
  try {
    throw MeshNodeUnreachableError(1, "x");
  } catch (const MeshError& error) {
    const MeshError copy = error;
    EXPECT_STREQ(copy.what(), error.what());
  }
}

}  // namespace
}  // namespace mesh
