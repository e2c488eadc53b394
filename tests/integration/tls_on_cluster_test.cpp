#include <gtest/gtest.h>

#include <integration/cluster_contenders.hpp>
#include <support/certificates.hpp>
#include <support/redis_server.hpp>

namespace mesh::test::faults {
namespace {

TEST(LeaderOnCluster, AllConnectionsUseTls) {
  CertificateAuthority authority;
  RedisClusterOptions options;
  options.server.tls = ServerTls{authority.file(), authority.issue("IP:127.0.0.1"), false};
  with_leader(expect_to_follow_a_failover, enduring_on_cluster(), options);
}

}  // namespace
}  // namespace mesh::test::faults
