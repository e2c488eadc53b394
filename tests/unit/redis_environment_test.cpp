#include <mesh/options.hpp>

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include <support/env_var.hpp>

namespace mesh {
namespace {

/// Runs each test without any variable that configures the library, whatever the outside.
class RedisEnvironment : public ::testing::Test {
 protected:
  RedisEnvironment() {
    for (const std::string prefix : {"MESH_REDIS_", "MUTEX_REDIS_", "OTHER_REDIS_", "REDIS_"}) {
      for (const std::string name :
           {"URL", "HOST", "PORT", "USERNAME", "PASSWORD", "DB", "TLS", "TLS_CA", "TLS_CERT",
            "TLS_KEY", "PREFIX", "SENTINEL_HOST", "SENTINEL_PORT", "SENTINEL_NAME",
            "SENTINEL_USERNAME", "SENTINEL_PASSWORD", "CLUSTER"}) {
        variables_.push_back(std::make_unique<test::EnvVar>(prefix + name, std::nullopt));
      }
    }
  }
  ~RedisEnvironment() override {
    while (!variables_.empty()) variables_.pop_back();
  }

  void set(const std::string& name, const std::string& value) {
    variables_.push_back(std::make_unique<test::EnvVar>(name, value));
  }

  static RedisOptions read() { return RedisOptions::from_env("MESH", "app"); }

  static std::string complaint() {
    try {
      static_cast<void>(read());
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "";
  }

 private:
  std::vector<std::unique_ptr<test::EnvVar>> variables_;
};

TEST_F(RedisEnvironment, EmptyGivesTheDefaults) {
  const RedisOptions options = read();
  const RedisOptions defaults;
  EXPECT_EQ(options.host, defaults.host);
  EXPECT_EQ(options.port, defaults.port);
  EXPECT_EQ(options.unix_socket, "");
  EXPECT_EQ(options.username, "");
  EXPECT_EQ(options.password, "");
  EXPECT_EQ(options.database, 0);
  EXPECT_FALSE(options.tls);
  EXPECT_EQ(options.sentinel_host, "");
  EXPECT_EQ(options.sentinel_port, 26379);
  EXPECT_EQ(options.prefix, "");
  EXPECT_EQ(options.mutex_prefix, "");
  EXPECT_EQ(options.application_name, "app");
}

TEST_F(RedisEnvironment, ApplicationNameFallsBackToTheExecutable) {
  EXPECT_EQ(RedisOptions::from_env("MESH").application_name, program_invocation_short_name);
}

TEST_F(RedisEnvironment, OwnVariablesAreRead) {
  set("MESH_REDIS_HOST", "own");
  set("MESH_REDIS_PORT", "7001");
  set("MESH_REDIS_USERNAME", "user");
  set("MESH_REDIS_PASSWORD", "pass");
  set("MESH_REDIS_DB", "3");
  set("MESH_REDIS_TLS", "true");
  set("MESH_REDIS_PREFIX", "prefix");
  set("MESH_REDIS_SENTINEL_HOST", "sentinel");
  set("MESH_REDIS_SENTINEL_PORT", "7002");
  set("MESH_REDIS_SENTINEL_NAME", "master");
  const RedisOptions options = read();
  EXPECT_EQ(options.host, "own");
  EXPECT_EQ(options.port, 7001);
  EXPECT_EQ(options.username, "user");
  EXPECT_EQ(options.password, "pass");
  EXPECT_EQ(options.database, 3);
  EXPECT_TRUE(options.tls);
  EXPECT_EQ(options.prefix, "prefix");
  EXPECT_EQ(options.sentinel_host, "sentinel");
  EXPECT_EQ(options.sentinel_port, 7002);
  EXPECT_EQ(options.sentinel_name, "master");
}

TEST_F(RedisEnvironment, EachFallsBackToTheGenericOne) {
  set("REDIS_HOST", "generic");
  set("REDIS_PORT", "7003");
  set("REDIS_USERNAME", "user");
  set("REDIS_PASSWORD", "pass");
  set("REDIS_DB", "4");
  set("REDIS_TLS", "1");
  set("REDIS_PREFIX", "prefix");
  set("REDIS_SENTINEL_HOST", "sentinel");
  set("REDIS_SENTINEL_PORT", "7004");
  set("REDIS_SENTINEL_NAME", "master");
  const RedisOptions options = read();
  EXPECT_EQ(options.host, "generic");
  EXPECT_EQ(options.port, 7003);
  EXPECT_EQ(options.username, "user");
  EXPECT_EQ(options.password, "pass");
  EXPECT_EQ(options.database, 4);
  EXPECT_TRUE(options.tls);
  EXPECT_EQ(options.prefix, "prefix");
  EXPECT_EQ(options.mutex_prefix, "prefix");
  EXPECT_EQ(options.sentinel_host, "sentinel");
  EXPECT_EQ(options.sentinel_port, 7004);
  EXPECT_EQ(options.sentinel_name, "master");
}

TEST_F(RedisEnvironment, CertificatesAndSentinelCredentialsAreReadWithTheSameFallback) {
  set("REDIS_TLS_CA", "generic-ca");
  set("MESH_REDIS_TLS_CA", "ca");
  set("REDIS_TLS_CERT", "cert");
  set("REDIS_TLS_KEY", "key");
  set("REDIS_SENTINEL_USERNAME", "generic");
  set("MESH_REDIS_SENTINEL_USERNAME", "user");
  set("REDIS_SENTINEL_PASSWORD", "pass");
  const RedisOptions options = read();
  EXPECT_EQ(options.tls_ca, "ca");
  EXPECT_EQ(options.tls_cert, "cert");
  EXPECT_EQ(options.tls_key, "key");
  EXPECT_EQ(options.sentinel_username, "user");
  EXPECT_EQ(options.sentinel_password, "pass");
  EXPECT_EQ(options.password, "");
}

TEST_F(RedisEnvironment, SeveralSentinelsAreKeptAsAList) {
  set("MESH_REDIS_SENTINEL_HOST", "one,two:7002,[::1]:7003");
  EXPECT_EQ(read().sentinel_host, "one,two:7002,[::1]:7003");
}

TEST_F(RedisEnvironment, OwnVariablesWinOneByOne) {
  set("REDIS_HOST", "generic");
  set("REDIS_PORT", "7003");
  set("MESH_REDIS_HOST", "own");
  const RedisOptions options = read();
  EXPECT_EQ(options.host, "own");
  EXPECT_EQ(options.port, 7003);
}

TEST_F(RedisEnvironment, EmptyVariablesCountAsNotSet) {
  set("REDIS_HOST", "generic");
  set("MESH_REDIS_HOST", "");
  set("MESH_REDIS_PORT", "");
  set("REDIS_PORT", "");
  const RedisOptions options = read();
  EXPECT_EQ(options.host, "generic");
  EXPECT_EQ(options.port, 6379);
}

TEST_F(RedisEnvironment, TheNameChoosesTheVariables) {
  set("MESH_REDIS_HOST", "mesh");
  set("OTHER_REDIS_HOST", "other");
  EXPECT_EQ(RedisOptions::from_env("OTHER", "app").host, "other");
}

TEST_F(RedisEnvironment, MutexPrefixHasItsOwnVariable) {
  set("REDIS_PREFIX", "generic");
  set("MESH_REDIS_PREFIX", "mesh");
  set("MUTEX_REDIS_PREFIX", "mutex");
  const RedisOptions options = read();
  EXPECT_EQ(options.prefix, "mesh");
  EXPECT_EQ(options.mutex_prefix, "mutex");
}

TEST_F(RedisEnvironment, MutexPrefixDoesNotFollowThatOfTheMesh) {
  set("MESH_REDIS_PREFIX", "mesh");
  EXPECT_EQ(read().mutex_prefix, "");
  set("REDIS_PREFIX", "generic");
  EXPECT_EQ(read().mutex_prefix, "generic");
  EXPECT_EQ(read().prefix, "mesh");
}

TEST_F(RedisEnvironment, UrlSetsWhatItSays) {
  set("MESH_REDIS_URL", "redis://user:pass@host:7005/2");
  const RedisOptions options = read();
  EXPECT_EQ(options.host, "host");
  EXPECT_EQ(options.port, 7005);
  EXPECT_EQ(options.username, "user");
  EXPECT_EQ(options.password, "pass");
  EXPECT_EQ(options.database, 2);
}

TEST_F(RedisEnvironment, UrlMayNameAUnixSocket) {
  set("REDIS_URL", "unix:///run/redis.sock?db=2");
  EXPECT_EQ(read().unix_socket, "/run/redis.sock");
  EXPECT_EQ(read().database, 2);
}

TEST_F(RedisEnvironment, SpecificVariablesWinOverTheUrl) {
  set("MESH_REDIS_URL", "redis://user:pass@host:7005/2");
  set("MESH_REDIS_HOST", "specific");
  set("MESH_REDIS_PORT", "7006");
  set("MESH_REDIS_PASSWORD", "other");
  set("MESH_REDIS_DB", "0");
  const RedisOptions options = read();
  EXPECT_EQ(options.host, "specific");
  EXPECT_EQ(options.port, 7006);
  EXPECT_EQ(options.username, "user");
  EXPECT_EQ(options.password, "other");
  EXPECT_EQ(options.database, 0);
}

TEST_F(RedisEnvironment, AHostWinsOverAUnixSocketInTheUrl) {
  set("REDIS_URL", "unix:///run/redis.sock");
  set("MESH_REDIS_HOST", "specific");
  EXPECT_EQ(read().host, "specific");
  EXPECT_EQ(read().unix_socket, "");
}

TEST_F(RedisEnvironment, AnOwnUrlWinsOverGenericVariables) {
  set("REDIS_HOST", "generic");
  set("REDIS_PORT", "7003");
  set("MESH_REDIS_URL", "redis://own:7005");
  EXPECT_EQ(read().host, "own");
  EXPECT_EQ(read().port, 7005);
}

TEST_F(RedisEnvironment, AnOwnUrlHidesTheGenericOne) {
  set("REDIS_URL", "redis://generic:7003");
  set("MESH_REDIS_URL", "unix:///run/redis.sock");
  EXPECT_EQ(read().unix_socket, "/run/redis.sock");
  set("MESH_REDIS_URL", "redis://own:7005");
  EXPECT_EQ(read().host, "own");
}

TEST_F(RedisEnvironment, FlagsHaveSeveralSpellings) {
  for (const char* text : {"1", "true", "yes", "on"}) {
    set("MESH_REDIS_TLS", text);
    EXPECT_TRUE(read().tls) << text;
  }
  for (const char* text : {"0", "false", "no", "off"}) {
    set("MESH_REDIS_TLS", text);
    EXPECT_FALSE(read().tls) << text;
  }
}

TEST_F(RedisEnvironment, MalformedValuesNameTheVariableAndWhatWasExpected) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"MESH_REDIS_PORT", "x", "1 to 65535"},
      {"MESH_REDIS_PORT", "0", "1 to 65535"},
      {"MESH_REDIS_PORT", "65536", "1 to 65535"},
      {"MESH_REDIS_PORT", "-1", "1 to 65535"},
      {"MESH_REDIS_PORT", "1 ", "1 to 65535"},
      {"MESH_REDIS_PORT", "6379.5", "1 to 65535"},
      {"MESH_REDIS_PORT", "99999999999999999999", "1 to 65535"},
      {"MESH_REDIS_SENTINEL_PORT", "x", "1 to 65535"},
      {"MESH_REDIS_SENTINEL_HOST", "one,two:x", "two:x"},
      {"MESH_REDIS_DB", "x", "database number"},
      {"MESH_REDIS_DB", "-1", "database number"},
      {"MESH_REDIS_TLS", "maybe", "true or false"},
      {"MESH_REDIS_URL", "http://host", "redis://"},
      {"REDIS_PORT", "x", "1 to 65535"},
      {"REDIS_URL", "redis://host:x", "1 to 65535"}};
  for (const auto& [name, value, expected] : cases) {
    const test::EnvVar variable(name, value);
    const std::string text = complaint();
    EXPECT_NE(text.find(name), std::string::npos) << name << "=" << value << ": " << text;
    EXPECT_NE(text.find(expected), std::string::npos) << name << "=" << value << ": " << text;
  }
}

TEST_F(RedisEnvironment, AMalformedVariableThatIsOverriddenDoesNotMatter) {
  set("REDIS_PORT", "x");
  set("MESH_REDIS_PORT", "7001");
  EXPECT_EQ(read().port, 7001);
}

TEST_F(RedisEnvironment, AServiceLinkIsAnAddress) {
  set("REDIS_PORT", "tcp://10.0.0.1:6380");
  EXPECT_EQ(read().host, "10.0.0.1");
  EXPECT_EQ(read().port, 6380);
  set("REDIS_PORT", "tcp://[fd00::1]:6381");
  EXPECT_EQ(read().host, "fd00::1");
  EXPECT_EQ(read().port, 6381);
  set("MESH_REDIS_PORT", "tcp://10.0.0.2:6382");
  EXPECT_EQ(MeshOptions{}.redis.host, "10.0.0.2");
  EXPECT_EQ(MeshOptions{}.redis.port, 6382);
}

TEST_F(RedisEnvironment, AServiceLinkGivesWayToEveryOtherAddress) {
  set("REDIS_PORT", "tcp://10.0.0.1:6380");
  set("REDIS_HOST", "redis");
  EXPECT_EQ(read().host, "redis");
  EXPECT_EQ(read().port, 6380);
  set("MESH_REDIS_HOST", "own");
  EXPECT_EQ(read().host, "own");
  EXPECT_EQ(read().port, 6379);
  set("MESH_REDIS_HOST", "");
  set("REDIS_HOST", "");
  set("REDIS_URL", "redis://generic");
  EXPECT_EQ(read().host, "generic");
  EXPECT_EQ(read().port, 6379);
  set("MESH_REDIS_URL", "unix:///run/redis.sock");
  EXPECT_EQ(MeshOptions{}.redis.unix_socket, "/run/redis.sock");
}

TEST_F(RedisEnvironment, AServiceLinkToASentinelIsAPortOnly) {
  set("REDIS_SENTINEL_PORT", "tcp://10.0.0.1:26380");
  EXPECT_EQ(read().sentinel_port, 26380);
  EXPECT_EQ(read().sentinel_host, "");
}

TEST_F(RedisEnvironment, AMalformedServiceLinkIsRefused) {
  for (const char* text : {"tcp://", "tcp://host", "tcp://host:", "tcp://:6379", "tcp://host:0",
                           "tcp://a:1,b:2", "tcp://host:6379/", "udp://host:6379"}) {
    set("REDIS_PORT", text);
    EXPECT_NE(complaint().find("REDIS_PORT: expected a port number"), std::string::npos) << text;
  }
}

TEST_F(RedisEnvironment, AnOwnUrlWinsOverAllGenericVariablesForAddressAndLogin) {
  set("REDIS_URL", "redis://generic:7000");
  set("REDIS_HOST", "generic");
  set("REDIS_PORT", "not a port");
  set("REDIS_USERNAME", "user");
  set("REDIS_PASSWORD", "pass");
  set("REDIS_DB", "not a database");
  set("REDIS_TLS", "not a flag");
  set("REDIS_SENTINEL_HOST", "sentinel");
  set("REDIS_PREFIX", "prefix");
  set("REDIS_TLS_CA", "ca");
  set("MESH_REDIS_URL", "redis://own");
  const RedisOptions options = read();
  EXPECT_EQ(options.host, "own");
  EXPECT_EQ(options.port, 6379);
  EXPECT_EQ(options.username, "");
  EXPECT_EQ(options.password, "");
  EXPECT_EQ(options.database, 0);
  EXPECT_FALSE(options.tls);
  EXPECT_EQ(options.sentinel_host, "");
  EXPECT_EQ(options.prefix, "prefix");
  EXPECT_EQ(options.tls_ca, "ca");
}

TEST_F(RedisEnvironment, AnOwnHostWinsOverGenericSentinels) {
  set("REDIS_SENTINEL_HOST", "sentinel");
  set("MESH_REDIS_HOST", "own");
  EXPECT_EQ(read().sentinel_host, "");
  set("MESH_REDIS_SENTINEL_HOST", "own-sentinel");
  EXPECT_EQ(read().sentinel_host, "own-sentinel");
}

TEST_F(RedisEnvironment, AClusterIsNamedByItsNodes) {
  set("REDIS_SENTINEL_HOST", "sentinel");  // which is somebody else's then
  EXPECT_EQ(read().cluster, "");
  set("MESH_REDIS_CLUSTER", "one,two:7001");
  EXPECT_EQ(read().cluster, "one,two:7001");
  EXPECT_EQ(read().sentinel_host, "");
  EXPECT_EQ(detail::describe_origin(read()), "from MESH_REDIS_CLUSTER");
  set("MESH_REDIS_URL", "redis://own");  // a variable for one setting wins over it
  EXPECT_EQ(read().cluster, "one,two:7001");
}

TEST_F(RedisEnvironment, AGenericClusterCountsWhereNothingElseSaysWhereRedisIs) {
  set("REDIS_CLUSTER", "one:7000,two:7001");
  EXPECT_EQ(read().cluster, "one:7000,two:7001");
  EXPECT_EQ(detail::describe_origin(read()), "from REDIS_CLUSTER");
  for (const char* name :
       {"REDIS_URL", "REDIS_HOST", "REDIS_PORT", "REDIS_SENTINEL_HOST", "MESH_REDIS_URL",
        "MESH_REDIS_HOST", "MESH_REDIS_PORT", "MESH_REDIS_SENTINEL_HOST"}) {
    const std::string setting(name);
    const bool is_url = setting.ends_with("URL");
    const bool is_port = setting.ends_with("PORT");
    const test::EnvVar other(name, is_url ? "redis://other" : is_port ? "6380" : "other");
    EXPECT_EQ(read().cluster, "") << name;
  }
}

TEST_F(RedisEnvironment, AGenericClusterThatNamesNoPortIsNotOurs) {
  set("REDIS_CLUSTER", "false");  // for other programs it says whether there is one
  EXPECT_EQ(read().cluster, "");
  set("MESH_REDIS_CLUSTER", "one");
  EXPECT_EQ(read().cluster, "one");
}

TEST_F(RedisEnvironment, AnotherAddressWinsOverAClusterInTheUrl) {
  for (const char* url : {"REDIS_URL", "MESH_REDIS_URL"}) {
    const test::EnvVar cluster(url, "redis+cluster://c");
    EXPECT_EQ(read().cluster, "c");
    for (const char* name : {"MESH_REDIS_HOST", "MESH_REDIS_SENTINEL_HOST"}) {
      const test::EnvVar address(name, "own");
      EXPECT_EQ(read().cluster, "") << name;
      read().validate();
    }
  }
  const test::EnvVar generic("REDIS_URL", "redis+cluster://c");
  const test::EnvVar own("MESH_REDIS_URL", "redis://own");
  EXPECT_EQ(read().cluster, "");
}

TEST_F(RedisEnvironment, AUrlMayNameACluster) {
  set("MESH_REDIS_URL", "rediss+cluster://user:secret@one,two:7001");
  EXPECT_EQ(read().cluster, "one,two:7001");
  EXPECT_EQ(read().username, "user");
  EXPECT_TRUE(read().tls);
  EXPECT_EQ(detail::describe_origin(read()), "from MESH_REDIS_URL");
}

TEST_F(RedisEnvironment, MeshOptionsRefuseAMalformedVariableWhenTheyAreUsed) {
  const std::tuple<const char*, const char*> cases[] = {{"REDIS_PORT", "x"},
                                                        {"MESH_REDIS_PORT", "x"},
                                                        {"REDIS_DB", "x"},
                                                        {"REDIS_TLS", "x"},
                                                        {"REDIS_URL", "x"}};
  for (const auto& [name, value] : cases) {
    const test::EnvVar variable(name, value);
    MeshOptions options;
    try {
      options.validate();
      ADD_FAILURE() << name << " was taken";
    } catch (const std::invalid_argument& error) {
      EXPECT_EQ(std::string(error.what()).find("environment variable " + std::string(name)), 0U)
          << error.what();
    }
    options.redis = RedisOptions{};
    EXPECT_NO_THROW(options.validate()) << name;
  }
}

TEST_F(RedisEnvironment, AMalformedVariableDoesNotMatterToAProgramThatSetsItsOwnValues) {
  set("REDIS_URL", "x");
  set("REDIS_PORT", "x");
  set("REDIS_DB", "x");
  set("REDIS_SENTINEL_PORT", "x");
  MeshOptions options;
  options.redis.host = "own";
  options.redis.port = 7001;
  options.redis.database = 1;
  EXPECT_NO_THROW(options.validate());
}

TEST_F(RedisEnvironment, AMalformedUrlMattersAlsoWhereAnotherVariableNamesTheHost) {
  set("MESH_REDIS_URL", "redis://:pass@host:x");
  set("MESH_REDIS_HOST", "own");
  EXPECT_THROW(MeshOptions{}.validate(), std::invalid_argument);
  set("MESH_REDIS_HOST", "");
  set("MESH_REDIS_SENTINEL_HOST", "sentinel");
  EXPECT_THROW(MeshOptions{}.validate(), std::invalid_argument);
}

TEST_F(RedisEnvironment, PasswordsAreNotQuotedInErrors) {
  set("MESH_REDIS_URL", "redis://user:s3cret@host:x");
  EXPECT_NE(complaint(), "");
  EXPECT_EQ(complaint().find("s3cret"), std::string::npos);
}

TEST_F(RedisEnvironment, MeshOptionsReadTheMeshVariables) {
  set("MESH_REDIS_HOST", "own");
  EXPECT_EQ(MeshOptions{}.redis.host, "own");
}

// Where an address came from
// -----------------------------------------------------------------------

TEST_F(RedisEnvironment, TheOriginOfAnAddressIsTold) {
  EXPECT_EQ(detail::describe_origin(RedisOptions{}), "the default; set RedisOptions::host");
  EXPECT_EQ(detail::describe_origin(read()),
            "the default; set MESH_REDIS_URL or RedisOptions::host");
  set("REDIS_PORT", "6380");
  EXPECT_EQ(detail::describe_origin(read()), "the host by default, the port from REDIS_PORT");
  set("REDIS_PORT", "tcp://10.0.0.1:6379");
  EXPECT_EQ(detail::describe_origin(read()), "from REDIS_PORT");
  set("REDIS_HOST", "there");
  EXPECT_EQ(detail::describe_origin(read()), "the host from REDIS_HOST, the port from REDIS_PORT");
  set("MESH_REDIS_HOST", "here");
  EXPECT_EQ(detail::describe_origin(read()), "from MESH_REDIS_HOST");
  set("MESH_REDIS_PORT", "1");
  EXPECT_EQ(detail::describe_origin(read()),
            "the host from MESH_REDIS_HOST, the port from MESH_REDIS_PORT");
  set("REDIS_SENTINEL_HOST", "a,b:26380");
  EXPECT_EQ(detail::describe_origin(read()),
            "the host from MESH_REDIS_HOST, the port from MESH_REDIS_PORT");
  set("MESH_REDIS_SENTINEL_HOST", "a,b:26380");
  EXPECT_EQ(detail::describe_origin(read()), "from MESH_REDIS_SENTINEL_HOST");
}

TEST_F(RedisEnvironment, TheOriginOfAUrlNamesTheVariableAndNothingOfIt) {
  set("REDIS_URL", "redis://user:s3cret@10.0.0.1:7000");
  EXPECT_EQ(detail::describe_origin(read()), "from REDIS_URL");
  set("MESH_REDIS_HOST", "here");
  EXPECT_EQ(detail::describe_origin(read()),
            "the host from MESH_REDIS_HOST, the port from REDIS_URL");
  set("MESH_REDIS_HOST", "");
  set("MESH_REDIS_URL", "unix://user:s3cret@/run/redis.sock");
  EXPECT_EQ(detail::describe_origin(read()), "from MESH_REDIS_URL");
}

TEST_F(RedisEnvironment, WhatTheProgramHasReplacedIsNotTheEnvironments) {
  set("MESH_REDIS_URL", "redis://10.0.0.1:7000");
  RedisOptions options = read();
  options.host = "elsewhere";
  EXPECT_EQ(detail::describe_origin(options),
            "the host from RedisOptions::host, the port from MESH_REDIS_URL");
  options.port = 7001;
  EXPECT_EQ(detail::describe_origin(options),
            "the host from RedisOptions::host, the port from RedisOptions::port");
  options.unix_socket = "/run/redis.sock";
  EXPECT_EQ(detail::describe_origin(options), "from RedisOptions::unix_socket");
  options.sentinel_host = "s";
  EXPECT_EQ(detail::describe_origin(options), "from RedisOptions::sentinel_host");
  RedisOptions defaults;
  defaults.host = "elsewhere";
  EXPECT_EQ(detail::describe_origin(defaults), "from RedisOptions::host");
}

}  // namespace
}  // namespace mesh
