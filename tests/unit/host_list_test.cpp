#include <config/host_list.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace mesh::config {
namespace {

std::vector<std::string> parse_list(const std::string& text) {
  std::vector<std::string> result;
  for (const HostAndPort& entry : parse_host_list(text, 26379)) {
    result.push_back(entry.host + " " + std::to_string(entry.port));
  }
  return result;
}

using Entries = std::vector<std::string>;

TEST(HostList, OneHostGetsTheDefaultPort) { EXPECT_EQ(parse_list("one"), Entries{"one 26379"}); }

TEST(HostList, AnEntryMayHaveItsOwnPort) { EXPECT_EQ(parse_list("one:7"), Entries{"one 7"}); }

TEST(HostList, SeveralKeepTheirOrder) {
  EXPECT_EQ(parse_list("one, two:26380 ,10.0.0.1"),
            (Entries{"one 26379", "two 26380", "10.0.0.1 26379"}));
}

TEST(HostList, Ipv6AddressesMayStandInBrackets) {
  EXPECT_EQ(parse_list("[::1]:26380,[fe80::1],::1"),
            (Entries{"::1 26380", "fe80::1 26379", "::1 26379"}));
}

TEST(HostList, MalformedEntriesAreQuoted) {
  for (const std::string entry :
       {"", ":1", "two:", "two:x", "two:0", "two:65536", "[::1", "[]", "[::1]x", "[::1]:"}) {
    try {
      parse_list("one," + entry);
      ADD_FAILURE() << entry << " was accepted";
    } catch (const std::invalid_argument& error) {
      EXPECT_NE(std::string(error.what()).find("\"" + entry + "\""), std::string::npos)
          << error.what();
    }
  }
}

TEST(HostList, APasswordIsRefusedWithoutBeingQuoted) {
  try {
    parse_list("one,user:s3cret,x@two:26379");
    ADD_FAILURE() << "was accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("user and password"), std::string::npos);
    EXPECT_EQ(std::string(error.what()).find("s3cret"), std::string::npos);
  }
}

}  // namespace
}  // namespace mesh::config
