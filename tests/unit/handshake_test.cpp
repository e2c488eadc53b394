#include <redis/handshake.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include <redis/connect.hpp>
#include <redis/reply_errors.hpp>
#include <redis/sentinel.hpp>

namespace mesh::redis {
namespace {

Reply text_reply(const std::string& text) {
  Reply reply;
  reply.kind = Reply::Kind::text;
  reply.text = text;
  return reply;
}

Reply error_reply(const std::string& text) {
  Reply reply;
  reply.kind = Reply::Kind::error;
  reply.text = text;
  return reply;
}

Reply array_reply(const std::vector<std::string>& texts) {
  Reply reply;
  reply.kind = Reply::Kind::array;
  for (const std::string& text : texts) reply.elements.push_back(text_reply(text));
  return reply;
}

Reply integer_reply(std::int64_t value) {
  Reply reply;
  reply.kind = Reply::Kind::integer;
  reply.integer = value;
  return reply;
}

TEST(Handshake, ACommandThatIsUnknownIsNamedWithoutItsArguments) {
  const auto objection = handshake_objection(
      {"AUTH", "user", "s3cret"},
      error_reply("ERR unknown command 'AUTH', with args beginning with: 'user' 's3cret' "));
  ASSERT_TRUE(objection);
  EXPECT_NE(objection->cause.find("unknown command 'AUTH'"), std::string::npos);
  EXPECT_EQ(objection->cause.find("s3cret"), std::string::npos) << objection->cause;
}

TEST(Handshake, WithoutAnythingToSayIsAPing) {
  EXPECT_EQ(handshake_commands(RedisOptions{}), (std::vector<Command>{{"PING"}}));
}

TEST(Handshake, PasswordAlone) {
  RedisOptions options;
  options.password = "p";
  EXPECT_EQ(handshake_commands(options), (std::vector<Command>{{"AUTH", "p"}, {"PING"}}));
}

TEST(Handshake, UserAndPassword) {
  RedisOptions options;
  options.username = "u";
  options.password = "p";
  EXPECT_EQ(handshake_commands(options), (std::vector<Command>{{"AUTH", "u", "p"}, {"PING"}}));
}

TEST(Handshake, CredentialsComeBeforeTheDatabaseAndTheRole) {
  RedisOptions options;
  options.password = "p";
  options.database = 3;
  options.sentinel_host = "sentinel";
  EXPECT_EQ(handshake_commands(options),
            (std::vector<Command>{{"AUTH", "p"}, {"SELECT", "3"}, {"ROLE"}, {"PING"}}));
}

TEST(Handshake, GoodRepliesRaiseNoObjection) {
  EXPECT_FALSE(handshake_objection({"AUTH", "p"}, text_reply("OK")));
  EXPECT_FALSE(handshake_objection({"SELECT", "3"}, text_reply("OK")));
  EXPECT_FALSE(handshake_objection({"PING"}, text_reply("PONG")));
  EXPECT_FALSE(handshake_objection({"ROLE"}, array_reply({"master", "0"})));
}

TEST(Handshake, ErrorRepliesAreObjectionsThatQuoteRedisButNoPassword) {
  const auto objection =
      handshake_objection({"AUTH", "s3cret"}, error_reply("WRONGPASS invalid password"));
  ASSERT_TRUE(objection);
  EXPECT_FALSE(objection->is_passing);
  EXPECT_NE(objection->cause.find("AUTH"), std::string::npos);
  EXPECT_NE(objection->cause.find("WRONGPASS"), std::string::npos);
  EXPECT_EQ(objection->cause.find("s3cret"), std::string::npos);
}

TEST(Handshake, ARedisThatCannotSaveItsDataIsGoodEnough) {
  const Reply refusal = error_reply("MISCONF Errors writing to the AOF file");
  EXPECT_FALSE(handshake_objection({"PING"}, refusal));
  EXPECT_TRUE(handshake_objection({"SELECT", "3"}, refusal));
}

TEST(Handshake, OnlyAMasterWillDo) {
  EXPECT_TRUE(handshake_objection({"ROLE"}, array_reply({"slave", "host"})));
  EXPECT_TRUE(handshake_objection({"ROLE"}, array_reply({"sentinel"})));
  EXPECT_TRUE(handshake_objection({"ROLE"}, array_reply({})));
  EXPECT_TRUE(handshake_objection({"ROLE"}, text_reply("master")));
  EXPECT_TRUE(handshake_objection({"ROLE"}, Reply{}));
}

TEST(Handshake, AServerThatIsNotReadyMayBeInAMoment) {
  for (const std::string text :
       {"LOADING Redis is loading the dataset in memory", "BUSY Redis is busy running a script",
        "MASTERDOWN Link with MASTER is down"}) {
    const auto objection = handshake_objection({"PING"}, error_reply(text));
    ASSERT_TRUE(objection) << text;
    EXPECT_TRUE(objection->is_passing) << text;
    EXPECT_NE(objection->cause.find(text), std::string::npos);
  }
  const auto replica = handshake_objection({"ROLE"}, array_reply({"slave", "host"}));
  ASSERT_TRUE(replica);
  EXPECT_TRUE(replica->is_passing);
}

TEST(Handshake, RefusalsDoNotPass) {
  for (const std::string text :
       {"NOAUTH Authentication required.", "WRONGPASS invalid username-password pair",
        "NOPERM this user has no permissions", "ERR max number of clients reached",
        "BUSYGROUP x"}) {
    const auto objection = handshake_objection({"PING"}, error_reply(text));
    ASSERT_TRUE(objection) << text;
    EXPECT_FALSE(objection->is_passing) << text;
  }
}

TEST(ReplyErrors, SomeTellThatTheConnectionLeadsToTheWrongServer) {
  for (const std::string text :
       {"READONLY You can't write against a read only replica.",
        "READONLY You can't write against a read only replica. script: 1f, on @user_script:1.",
        "ERR Error running script (call to f_1f): @user_script:1: @user_script: 1: -READONLY You "
        "can't write against a read only replica. ",
        "LOADING Redis is loading the dataset in memory",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "UNBLOCKED force unblock from blocking operation, instance state changed"}) {
    EXPECT_TRUE(is_wrong_server(error_reply(text))) << text;
  }
}

TEST(ReplyErrors, OthersConcernTheCommandAlone) {
  for (const std::string text :
       {"NOSCRIPT No matching script.", "ERR unknown command", "NOPERM no permissions", "BUSY x",
        "WRONGTYPE Operation against a key", "OOM command not allowed", "", "READONLY",
        "ERR no -READONLY x"}) {
    EXPECT_FALSE(is_wrong_server(error_reply(text))) << text;
  }
  EXPECT_FALSE(is_wrong_server(text_reply("READONLY You can't write")));
}

TEST(Sentinel, AsksForTheMasterByName) {
  EXPECT_EQ(sentinel_master_query("mymaster"),
            (Command{"SENTINEL", "get-master-addr-by-name", "mymaster"}));
}

TEST(Sentinel, AnAddressIsAnAnswer) {
  const auto answer = parse_sentinel_reply(array_reply({"10.0.0.1", "6379"}), "mymaster");
  const auto* endpoint = std::get_if<Endpoint>(&answer);
  ASSERT_NE(endpoint, nullptr);
  EXPECT_EQ(endpoint->host, "10.0.0.1");
  EXPECT_EQ(endpoint->port, 6379);
  EXPECT_FALSE(endpoint->is_unix());
}

TEST(Sentinel, AnUnknownMasterIsNamed) {
  const auto answer = parse_sentinel_reply(Reply{}, "mymaster");
  ASSERT_TRUE(std::holds_alternative<std::string>(answer));
  EXPECT_NE(std::get<std::string>(answer).find("mymaster"), std::string::npos);
}

TEST(Sentinel, AnErrorIsQuoted) {
  const auto answer = parse_sentinel_reply(error_reply("NOAUTH required"), "mymaster");
  ASSERT_TRUE(std::holds_alternative<std::string>(answer));
  EXPECT_NE(std::get<std::string>(answer).find("NOAUTH required"), std::string::npos);
}

TEST(Sentinel, AnythingElseIsNoAddress) {
  Reply wrong_kinds = array_reply({"host", "1"});
  wrong_kinds.elements[1] = integer_reply(6379);
  for (const Reply& reply :
       {text_reply("10.0.0.1:6379"), integer_reply(6379), array_reply({}), array_reply({"host"}),
        array_reply({"host", "1", "2"}), array_reply({"", "6379"}), array_reply({"host", "0"}),
        array_reply({"host", "65536"}), array_reply({"host", "-1"}), array_reply({"host", "x"}),
        array_reply({"host", ""}), wrong_kinds}) {
    EXPECT_TRUE(std::holds_alternative<std::string>(parse_sentinel_reply(reply, "mymaster")));
  }
}

// In the midst of a failover the list names the master that is replaced.
TEST(Sentinel, ABeliefIsTheEpochOfTheListAndTheMasterThatIsNamed) {
  const auto belief = parse_belief(array_reply({"name", "mymaster", "ip", "10.0.0.2", "port",
                                                "6379", "config-epoch", "17", "quorum", "2"}),
                                   array_reply({"10.0.0.1", "6380"}));
  ASSERT_TRUE(belief);
  EXPECT_EQ(belief->epoch, 17);
  EXPECT_EQ(to_string(belief->master), "10.0.0.1:6380");
}

TEST(Sentinel, AnIncompleteBeliefIsNone) {
  const Reply epoch = array_reply({"ip", "10.0.0.1", "port", "6379", "config-epoch", "17"});
  const Reply master = array_reply({"10.0.0.1", "6379"});
  const Reply refusal = error_reply("ERR No such master with that name");
  ASSERT_TRUE(parse_belief(epoch, master));
  EXPECT_FALSE(parse_belief(array_reply({"ip", "10.0.0.1", "port", "6379"}), master));
  EXPECT_FALSE(parse_belief(array_reply({"ip", "h", "port", "1", "config-epoch"}), master));
  EXPECT_FALSE(parse_belief(epoch, array_reply({"h", "0"})));
  EXPECT_FALSE(parse_belief(epoch, array_reply({"h"})));
  EXPECT_FALSE(parse_belief(refusal, master));
  EXPECT_FALSE(parse_belief(epoch, refusal));
  EXPECT_FALSE(parse_belief(Reply{}, Reply{}));
}

TEST(ConfiguredEndpoint, IsTheFirstOfSeveralSentinels) {
  RedisOptions options;
  options.sentinel_host = "one:1,two:2";
  EXPECT_EQ(to_string(configured_endpoint(options)), "one:1");
}

TEST(ConfiguredEndpoint, SentinelWinsOverSocketWinsOverHost) {
  RedisOptions options;
  options.host = "host";
  options.port = 1;
  EXPECT_EQ(to_string(configured_endpoint(options)), "host:1");
  options.unix_socket = "/run/redis.sock";
  EXPECT_EQ(to_string(configured_endpoint(options)), "/run/redis.sock");
  EXPECT_EQ(configured_endpoint(options).port, 0);
  options.sentinel_host = "sentinel";
  options.sentinel_port = 2;
  EXPECT_EQ(to_string(configured_endpoint(options)), "sentinel:2");
}

}  // namespace
}  // namespace mesh::redis
