#include <config/redis_url.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <utility>

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

TEST(RedisUrl, TheSchemeMayBeInUpperCase) {
  EXPECT_EQ(parse_url("REDIS://Host").host, "Host");
  EXPECT_TRUE(parse_url("Rediss://host").tls);
  EXPECT_EQ(parse_url("UNIX:///Run/Redis").unix_socket, "/Run/Redis");
}

TEST(RedisUrl, ASlashMayFollowTheDatabase) {
  EXPECT_EQ(parse_url("redis://host/2/").database, 2);
  EXPECT_EQ(parse_url("redis://host:6380/0/").port, 6380);
  EXPECT_EQ(parse_url("redis://host//").database, 0);
}

TEST(RedisUrl, TheDatabaseMayBeInTheQuery) {
  EXPECT_EQ(parse_url("redis://host?db=1").database, 1);
  EXPECT_EQ(parse_url("redis://host?db=1").host, "host");
  EXPECT_EQ(parse_url("redis://:p@host:6380/?db=2").database, 2);
  EXPECT_EQ(parse_url("redis://:p@host:6380/2?db=2").port, 6380);
  EXPECT_EQ(parse_url("redis://host/3?").database, 3);
  EXPECT_NE(complaint("redis://host/3?db=4").find("one database"), std::string::npos);
  EXPECT_NE(complaint("redis://host?db=x").find("database"), std::string::npos);
}

TEST(RedisUrl, AnotherQueryIsRefusedByItsName) {
  for (const std::string url : {"redis://host/0?ssl_cert_reqs=none",
                                "redis://u:p@host?db=1&family=6", "unix:///run/redis?timeout=1"}) {
    const std::string text = complaint(url);
    const auto end = url.rfind('=');
    const auto begin = url.find_last_of("?&") + 1;
    EXPECT_NE(text.find('"' + url.substr(begin, end - begin) + '"'), std::string::npos) << text;
  }
}

TEST(RedisUrl, PasswordsMayContainWhatEndsAnAddress) {
  for (const std::string password : {"a/b", "/", "1/2", "a?b", "a/b?c=d", "a#b", "a?b/c"}) {
    const auto options = parse_url("redis://user:" + password + "@host:6380/1");
    EXPECT_EQ(options.username, "user");
    EXPECT_EQ(options.password, password);
    EXPECT_EQ(options.host, "host") << password;
    EXPECT_EQ(options.port, 6380) << password;
    EXPECT_EQ(options.database, 1) << password;
  }
  EXPECT_EQ(parse_url("redis://:a?b@host?db=2").password, "a?b");
  EXPECT_EQ(parse_url("redis://:a?b@host?db=2").database, 2);
  EXPECT_EQ(parse_url("unix://:a/b?c@/run/redis").password, "a/b?c");
  EXPECT_EQ(parse_url("unix:///run/redis@1/x").unix_socket, "/run/redis@1/x");
}

TEST(RedisUrl, AnAtInTheQueryIsNotTakenForTheEndOfAPassword) {
  for (const char* url :
       {"redis://host:6379/0?x=a@b", "redis://u:p@host?x=a@b", "redis://user:123?s3cret=1@host"}) {
    const std::string text = complaint(url);
    EXPECT_NE(text.find("%3F"), std::string::npos) << url << ": " << text;
    EXPECT_EQ(text.find("s3cret"), std::string::npos) << text;
  }
}

TEST(RedisUrl, TheDefaultUserNeedsNoPassword) {
  const auto options = parse_url("redis://default:@host");
  EXPECT_EQ(options.username, "");
  EXPECT_EQ(options.password, "");
  EXPECT_NO_THROW(options.validate());
  EXPECT_EQ(parse_url("redis://default:p@host").username, "default");
}

TEST(RedisUrl, TheReasonNamesThePartAndTheRemedy) {
  const std::pair<const char*, const char*> cases[] = {
      {"redis://u:100%@host", "in the password of a URL a %"},
      {"redis://u:100%@host", "%25"},
      {"redis://100%:p@host", "in the user of a URL"},
      {"redis://ho%st", "in the host of a URL"},
      {"unix:///a%", "in the path of a URL"},
      {"redis://user@host", "user:password@"},
      {"redis://host/x", "the database in a URL"},
      {"redis://user:word", "special characters"}};
  for (const auto& [url, expected] : cases) {
    EXPECT_NE(complaint(url).find(expected), std::string::npos) << url << ": " << complaint(url);
  }
}

TEST(RedisUrl, ARefusedOneChangesNothing) {
  RedisOptions options;
  EXPECT_THROW(apply_redis_url("redis://u:p@host:x", options), std::invalid_argument);
  EXPECT_EQ(options.host, "127.0.0.1");
  EXPECT_EQ(options.password, "");
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
  for (const char* url :
       {"redis://u:s3cret@host:x", "redis://u:s3cret%zz@host", "redis://u:s3cret/0?x=1",
        "redis://u:1?s3cret", "redis://u:/s3cret", "redis://s3cret@host", "unix://u:s3cret?x=1",
        "http://u:s3cret@host", "unix://u:s3cret@nopath"}) {
    const std::string text = complaint(url);
    EXPECT_NE(text, "") << url;
    EXPECT_EQ(text.find("s3cret"), std::string::npos) << text;
  }
}

TEST(RedisUrl, ACluster) {
  const auto options = parse_url("redis+cluster://:p%40ss@one:7000,[::1]:7001,three");
  EXPECT_EQ(options.cluster, "one:7000,[::1]:7001,three");
  EXPECT_EQ(options.password, "p@ss");
  EXPECT_FALSE(options.tls);
  EXPECT_TRUE(parse_url("REDISS+CLUSTER://one").tls);
  for (const char* url : {"redis+cluster://", "redis+cluster://user:s3cret"}) {
    EXPECT_NE(complaint(url).find("must be host:port"), std::string::npos) << url;
    EXPECT_EQ(complaint(url).find("s3cret"), std::string::npos) << url;
  }
  for (const char* url : {"redis+cluster://one/0", "redis+cluster://one?db=0"}) {
    EXPECT_NE(complaint(url).find("only its nodes"), std::string::npos) << url;
  }
  EXPECT_EQ(complaint("redis+cluster://one,secret@two:x").find("secret"), std::string::npos);
}

}  // namespace
}  // namespace mesh::config
