// What needs no mesh: wrong usage, Redis that is not there, doctor, and completions.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include <meshctl/meshctl_test.hpp>

namespace mesh::test {
namespace {

using Arguments = std::vector<std::string>;

class MeshctlUsage : public MeshctlTest {
 protected:
  static asio::awaitable<void> expect_complaint(Arguments arguments, std::string text,
                                                int status = 1) {
    std::string command;
    for (const std::string& argument : arguments) command += argument + ' ';
    Meshctl process(std::move(arguments));
    EXPECT_EQ(co_await process.ended(), status) << command;
    EXPECT_EQ(process.out(), "") << command;
    EXPECT_NE(process.err().find(text), std::string::npos) << command << '\n' << process.err();
  }
};

TEST_F(MeshctlUsage, OfAWrongKindIsToldBeforeAnythingIsDone) {
  run_coroutine([&]() -> asio::awaitable<void> {
    struct Case {
      Arguments arguments;
      std::string complaint;
    };
    const std::vector<Case> cases{
        {{}, "A subcommand is required"},
        {{"nods"}, "there is no command \"nods\""},
        {{"nodes", "--what"}, "--what"},
        {{"nodes", "--prefix", "test"}, "give --key NAME or set MESHCTL_KEY"},
        {{"nodes", "--key", "k"}, "give --prefix NAME or set MESH_REDIS_PREFIX"},
        {{"nodes", "-k", "k", "-p", "p", "--url", "http://x"}, "look at --url"},
        {{"nodes", "-k", "k", "-p", "p", "--url", "redis://x:99999"}, "look at --url"},
        {{"nodes", "-k", "k", "-p", "p", "--timeout", "soon"}, "no duration"},
        {{"nodes", "-k", "k", "-p", "p", "--timeout", "0"}, "at least 1ms"},
        {{"call", "-k", "k", "-p", "p"}, "TARGET is required"},
        {{"call", "7", "-k", "k", "-p", "p"}, "TYPE is required"},
        {{"call", "some", "x", "-k", "k", "-p", "p"}, "\"some\" is no target"},
        {{"call", "0", "x", "-k", "k", "-p", "p"}, "no id of a node"},
        {{"call", "99999999999999999999", "x", "-k", "k", "-p", "p"}, "no id of a node"},
        {{"call", "7", "x", "{x}", "-k", "k", "-p", "p"}, "not one JSON value"},
        {{"call", "7", "x", "1", "2", "-k", "k", "-p", "p"}, "2"},
        {{"call", "7", "x", "--label", "a=b", "-k", "k", "-p", "p"}, "the target is one node"},
        {{"completion", "tcsh"}, "tcsh"},
    };
    for (const Case& one : cases) co_await expect_complaint(one.arguments, one.complaint);
  });
}

TEST_F(MeshctlUsage, OfOneLabelTooManyIsRefused) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Arguments arguments{"call", "any", "x", "-k", "k", "-p", "p"};
    for (int i = 0; i < 5; ++i) {
      arguments.emplace_back("--label");
      arguments.push_back("a=" + std::to_string(i));
    }
    co_await expect_complaint(arguments, "at most 4 labels");
  });
}

TEST_F(MeshctlUsage, WithoutRedisEndsWithAStatusOfItsOwn) {
  run_coroutine([&]() -> asio::awaitable<void> {
    const std::string url = "redis://:secret-word@127.0.0.1:" + std::to_string(find_free_port());
    const std::vector<Arguments> commands{{"nodes"},          {"nodes", "--watch"},
                                          {"call", "1", "x"}, {"call", "all", "x"},
                                          {"ping"},           {"stats"},
                                          {"leader"},         {"listen"},
                                          {"broadcast", "x"}, {"bench", "1", "x"}};
    for (Arguments arguments : commands) {
      const std::string command = arguments.front();
      for (const char* more : {"-k", "k", "-p", "p", "--url"}) arguments.emplace_back(more);
      arguments.push_back(url);
      Meshctl process(arguments);
      EXPECT_EQ(co_await process.ended(), 7) << command;
      EXPECT_EQ(process.out(), "") << command;
      EXPECT_NE(process.err().find("Connection refused"), std::string::npos) << process.err();
      EXPECT_NE(process.err().find("--url"), std::string::npos) << process.err();
      EXPECT_EQ(process.err().find("secret-word"), std::string::npos) << process.err();
    }
    Meshctl doctor({"doctor", "--url", url, "--json"});
    EXPECT_EQ(co_await doctor.ended(), 7);
    const auto findings = doctor.objects();
    CO_ASSERT_TRUE(findings.size() == 1);
    EXPECT_EQ(findings[0]["level"], "bad");
  });
}

TEST_F(MeshctlUsage, IsExplainedByEachCommand) {
  run_coroutine([&]() -> asio::awaitable<void> {
    for (const char* command : {"nodes", "call", "ping", "stats", "leader", "listen", "broadcast",
                                "bench", "doctor", "completion"}) {
      const Arguments arguments{command, "--help"};
      Meshctl process(arguments);
      EXPECT_EQ(co_await process.ended(), 0) << command;
      EXPECT_NE(process.out().find(std::string("  meshctl ") + command), std::string::npos)
          << process.out();
    }
    Meshctl help({"--help"});
    EXPECT_EQ(co_await help.ended(), 0);
    EXPECT_NE(help.out().find("Exit status:"), std::string::npos);
  });
}

TEST_F(MeshctlUsage, IsCompletedByShells) {
  run_coroutine([&]() -> asio::awaitable<void> {
    for (const char* shell : {"bash", "zsh", "fish"}) {
      const Arguments arguments{"completion", shell};
      Meshctl process(arguments);
      EXPECT_EQ(co_await process.ended(), 0) << shell;
      EXPECT_NE(process.out().find("broadcast"), std::string::npos) << shell;
      EXPECT_NE(process.out().find("sentinel"), std::string::npos) << shell;
    }
  });
}

TEST_F(MeshctlUsage, TakesRedisFromTheEnvironment) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_nodes(1);
    const Arguments arguments{"call", "1", "who"};
    Meshctl process(arguments, {{"MESH_REDIS_URL", url_of(redis().options())},
                                {"MESH_REDIS_PREFIX", "test"},
                                {"MESHCTL_KEY", key()}});
    EXPECT_EQ(co_await process.ended(), 0) << process.err();
    EXPECT_EQ(process.out(), "1\n");
    co_await stop_nodes();
  });
}

class MeshctlDoctor : public MeshctlTest {
 protected:
  static const Json* find(const std::vector<Json>& findings, const std::string& subject) {
    const auto found = std::ranges::find_if(
        findings, [&](const Json& finding) { return finding["subject"] == subject; });
    return found == findings.end() ? nullptr : &*found;
  }
};

TEST_F(MeshctlDoctor, FindsASoundRedisAndItsMeshes) {
  run_coroutine([&]() -> asio::awaitable<void> {
    co_await start_nodes(2);
    Meshctl doctor({"doctor", "--json", "--url", url_of(redis().admin_options())});
    EXPECT_EQ(co_await doctor.ended(), 0) << doctor.out() << doctor.err();
    const auto findings = doctor.objects();
    for (const Json& finding : findings) EXPECT_EQ(finding["level"], "ok") << finding;
    for (const char* subject : {"connection", "version", "round trip", "clock", "scripts",
                                "messages", "client-output-buffer-limit pubsub"}) {
      EXPECT_TRUE(find(findings, subject)) << subject << '\n' << doctor.out();
    }
    const std::string mesh = "2 nodes: --prefix test --key " + key();
    const auto is_mesh = [&](const Json& finding) { return finding["text"] == mesh; };
    EXPECT_EQ(std::ranges::count_if(findings, is_mesh), 1) << doctor.out();
    co_await stop_nodes();
  });
}

TEST_F(MeshctlDoctor, WarnsOfSmallBuffersAndOfEviction) {
  run_coroutine([&]() -> asio::awaitable<void> {
    RedisServerOptions harmful;
    harmful.config = {"client-output-buffer-limit pubsub 1mb 1mb 60", "maxmemory 100mb",
                      "maxmemory-policy allkeys-lru"};
    RedisServer server(harmful);
    Meshctl doctor({"doctor", "--json", "--url", "unix://" + server.socket()});
    EXPECT_EQ(co_await doctor.ended(), 0) << doctor.out() << doctor.err();
    const auto findings = doctor.objects();
    for (const char* subject : {"eviction", "client-output-buffer-limit pubsub"}) {
      const Json* const finding = find(findings, subject);
      CO_ASSERT_TRUE(finding != nullptr);
      EXPECT_EQ((*finding)["level"], "warn") << *finding;
      EXPECT_NE((*finding)["advice"], "") << *finding;
    }
  });
}

TEST_F(MeshctlDoctor, SaysWhatAUserOfRedisMayNotDo) {
  run_coroutine([&]() -> asio::awaitable<void> {
    Meshctl may_all({"doctor", "--json", "-p", "test", "--url", url_of(redis().options())});
    EXPECT_EQ(co_await may_all.ended(), 0) << may_all.out();
    const auto findings = may_all.objects();
    const Json* const meshes = find(findings, "meshes");
    CO_ASSERT_TRUE(meshes != nullptr);
    EXPECT_EQ((*meshes)["level"], "warn");
    // With another prefix the user may not even publish.
    Meshctl may_not({"doctor", "--json", "-p", "other", "--url", url_of(redis().options())});
    EXPECT_EQ(co_await may_not.ended(), 7) << may_not.out();
    const auto complaints = may_not.objects();
    const Json* const messages = find(complaints, "messages");
    CO_ASSERT_TRUE(messages != nullptr);
    EXPECT_EQ((*messages)["level"], "bad");
  });
}

}  // namespace
}  // namespace mesh::test
