#include <gtest/gtest.h>

#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include <redis/client.hpp>

namespace mesh::redis {
namespace {

std::string location_of(const RedisOptions& options) {
  asio::io_context context;
  const auto client = std::make_shared<Client>(Strand(context.get_executor()), options, "commands",
                                               1024, null_log_sink());
  return client->location();
}

RedisOptions with_secrets() {
  RedisOptions options;
  options.username = "user";
  options.password = "secret";
  return options;
}

TEST(ClientLocation, IsHostAndPort) {
  RedisOptions options = with_secrets();
  options.host = "redis.example";
  options.port = 7000;
  EXPECT_EQ(location_of(options), "redis.example:7000");
  options.database = 3;
  EXPECT_EQ(location_of(options), "redis.example:7000 (database 3)");
}

TEST(ClientLocation, IsThePathOfAUnixSocket) {
  RedisOptions options = with_secrets();
  options.unix_socket = "/run/redis.sock";
  EXPECT_EQ(location_of(options), "/run/redis.sock");
}

TEST(ClientLocation, NamesTheMasterAsSentinelDoes) {
  RedisOptions options = with_secrets();
  options.sentinel_host = "sentinel.example";
  options.sentinel_name = "orders";
  options.sentinel_password = "hidden";
  EXPECT_EQ(location_of(options), "an unknown place, which Sentinel calls orders");
}

}  // namespace
}  // namespace mesh::redis
