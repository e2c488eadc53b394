#include <regex>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <scripts/acquire_leadership.lua.hpp>
#include <scripts/claim_id.lua.hpp>
#include <scripts/finish_report.lua.hpp>
#include <scripts/heartbeat.lua.hpp>
#include <scripts/leave.lua.hpp>
#include <scripts/list_nodes.lua.hpp>
#include <scripts/next_free_id.lua.hpp>
#include <scripts/publish_again.lua.hpp>
#include <scripts/read_infos.lua.hpp>
#include <scripts/release_leadership.lua.hpp>
#include <scripts/remove_dead_nodes.lua.hpp>
#include <scripts/renew_leadership.lua.hpp>
#include <scripts/who_listens.lua.hpp>

namespace {

/// The first call of a command in the text whose first argument is a key that is not declared, or
/// an empty text.
std::string undeclared_key(std::string_view text) {
  const std::string script(text);
  const std::regex call(R"(redis\.p?call\(\s*([^,)]*),?\s*([^,)]*))");
  const std::regex without_key("'(PUBLISH|PUBSUB|TIME|INFO)'|publish");
  for (std::sregex_iterator found(script.begin(), script.end(), call), end; found != end; ++found) {
    const std::string command = (*found)[1];
    const std::string first = (*found)[2];
    if (std::regex_match(command, without_key)) continue;
    if (!first.starts_with("KEYS[")) return found->str();
  }
  return {};
}

TEST(ScriptKeys, AllThatAScriptTouchesAreDeclared) {
  for (const std::string_view script :
       {mesh::scripts::acquire_leadership, mesh::scripts::claim_id, mesh::scripts::finish_report,
        mesh::scripts::heartbeat, mesh::scripts::leave, mesh::scripts::list_nodes,
        mesh::scripts::next_free_id, mesh::scripts::publish_again, mesh::scripts::read_infos,
        mesh::scripts::release_leadership, mesh::scripts::remove_dead_nodes,
        mesh::scripts::renew_leadership, mesh::scripts::who_listens}) {
    EXPECT_EQ(undeclared_key(script), "");
  }
}

TEST(ScriptKeys, OneThatIsNotDeclaredIsFound) {
  EXPECT_EQ(undeclared_key("redis.call('TIME') redis.call('GET', KEYS[1])"), "");
  EXPECT_EQ(undeclared_key("redis.call('GET', ARGV[1] .. id)"), "redis.call('GET', ARGV[1] .. id");
  EXPECT_EQ(undeclared_key("redis.pcall(known and 'HSET' or 'HGET', name)"),
            "redis.pcall(known and 'HSET' or 'HGET', name");
}

}  // namespace
