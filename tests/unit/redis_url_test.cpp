#include <config/redis_url.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace mesh::config {
namespace {

RedisOptions parse_url(const std::string& url) {
  RedisOptions options;
  apply_redis_url(url, options);
  return options;
}

std::string complaint(const std::string& url) {
  try {
    static_cast<void>(parse_url(url));
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(RedisUrl, HostAlone) {
  const auto options = parse_url("redis://redis.example");
  EXPECT_EQ(options.host, "redis.example");
  EXPECT_EQ(options.port, 6379);
  EXPECT_EQ(options.database, 0);
  EXPECT_EQ(options.username, "");
  EXPECT_EQ(options.password, "");
  EXPECT_FALSE(options.tls);
}

TEST(RedisUrl, Everything) {
  const auto options = parse_url("redis://user:pass@10.0.0.1:6380/3");
  EXPECT_EQ(options.host, "10.0.0.1");
  EXPECT_EQ(options.port, 6380);
  EXPECT_EQ(options.username, "user");
  EXPECT_EQ(options.password, "pass");
  EXPECT_EQ(options.database, 3);
}

TEST(RedisUrl, PasswordWithoutUser) {
  const auto options = parse_url("redis://:pass@host");
  EXPECT_EQ(options.username, "");
  EXPECT_EQ(options.password, "pass");
}

TEST(RedisUrl, PercentEncodedCredentials) {
  const auto options = parse_url("redis://us%40er:p%3a%2F%25%40@host/1");
  EXPECT_EQ(options.username, "us@er");
  EXPECT_EQ(options.password, "p:/%@");
  EXPECT_EQ(options.host, "host");
  EXPECT_EQ(options.database, 1);
}

TEST(RedisUrl, PasswordMayContainColonsAndAts) {
  const auto options = parse_url("redis://user:a:b@c@host");
  EXPECT_EQ(options.username, "user");
  EXPECT_EQ(options.password, "a:b@c");
  EXPECT_EQ(options.host, "host");
}

TEST(RedisUrl, Ipv6Address) {
  EXPECT_EQ(parse_url("redis://[::1]").host, "::1");
  const auto options = parse_url("redis://:p@[fe80::1]:7000/2");
  EXPECT_EQ(options.host, "fe80::1");
  EXPECT_EQ(options.port, 7000);
  EXPECT_EQ(options.database, 2);
}

TEST(RedisUrl, TrailingSlashIsNoDatabase) { EXPECT_EQ(parse_url("redis://host:1/").database, 0); }

TEST(RedisUrl, RedissAsksForTls) {
  EXPECT_TRUE(parse_url("rediss://host").tls);
  EXPECT_EQ(parse_url("rediss://host:6390").port, 6390);
}

TEST(RedisUrl, UnixSocket) {
  const auto options = parse_url("unix:///run/redis%20x.sock");
  EXPECT_EQ(options.unix_socket, "/run/redis x.sock");
  EXPECT_EQ(options.database, 0);
}

TEST(RedisUrl, UnixSocketWithCredentialsAndDatabase) {
  const auto options = parse_url("unix://user:pass@/run/redis.sock?db=4");
  EXPECT_EQ(options.unix_socket, "/run/redis.sock");
  EXPECT_EQ(options.username, "user");
  EXPECT_EQ(options.password, "pass");
  EXPECT_EQ(options.database, 4);
}

TEST(RedisUrl, FieldsItDoesNotMentionStay) {
  RedisOptions options;
  options.port = 7777;
  options.database = 5;
  options.password = "kept";
  options.prefix = "kept";
  apply_redis_url("redis://host", options);
  EXPECT_EQ(options.port, 7777);
  EXPECT_EQ(options.database, 5);
  EXPECT_EQ(options.password, "kept");
  EXPECT_EQ(options.prefix, "kept");
}

TEST(RedisUrl, ATcpAddressReplacesAUnixSocket) {
  RedisOptions options;
  options.unix_socket = "/run/redis.sock";
  apply_redis_url("redis://host", options);
  EXPECT_EQ(options.unix_socket, "");
}

TEST(RedisUrl, WrongOnesAreRefusedWithAReason) {
  for (const char* url : {"",
                          "host",
                          "http://host",
                          "redis:/host",
                          "redis://",
                          "redis://:6379",
                          "redis://host:",
                          "redis://host:0",
                          "redis://host:65536",
                          "redis://host:-1",
                          "redis://host:12x",
                          "redis://host: 1",
                          "redis://host/x",
                          "redis://host/-1",
                          "redis://host/1/2",
                          "redis://user@host",
                          "redis://[::1",
                          "redis://[::1]x",
                          "redis://u:%zz@host",
                          "redis://u:%4@host",
                          "unix://relative/path",
                          "unix://",
                          "unix:///s?db=x",
                          "unix:///s?x=1",
                          "REDIS",
                          "redis://[]",
                          "redis://ho%00st",
                          "unix:///path%00"}) {
    EXPECT_NE(complaint(url), "") << url;
  }
  EXPECT_NE(complaint({"unix:///a\0b", 11}), "");
}

TEST(RedisUrl, ThePasswordIsNeverQuoted) {
  for (const char* url : {"redis://u:s3cret@host:x", "redis://u:s3cret%zz@host",
                          "http://u:s3cret@host", "unix://u:s3cret@nopath"}) {
    const std::string text = complaint(url);
    EXPECT_NE(text, "") << url;
    EXPECT_EQ(text.find("s3cret"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace mesh::config
