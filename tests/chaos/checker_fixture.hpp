#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "checker.hpp"

namespace mesh::chaos {

using Json = nlohmann::json;

/// A log written by hand: three processes, all times in ms.
class CheckerTest : public ::testing::Test {
 protected:
  CheckerTest() {
    runner(0, "run",
           {{"seed", 1},
            {"minutes", 1},
            {"node_ttl_ms", 1000},
            {"leader_ttl_ms", 1500},
            {"slack_ms", 4000}});
    for (const char* name : {"p1", "p2", "p3"}) runner(0, "spawned", {{"p", name}});
  }

  static Nanoseconds ns(std::int64_t ms) { return ms * nanoseconds_per_ms; }

  void line(const std::string& process, std::int64_t at, const std::string& event, Json fields) {
    fields["t"] = ns(at);
    fields["e"] = event;
    reader_.read(process, fields);
  }
  void runner(std::int64_t at, const std::string& event, Json fields = Json::object()) {
    line("runner", at, event, std::move(fields));
  }
  void member(const std::string& process, std::int64_t at, const std::string& event,
              Json fields = Json::object()) {
    fields["n"] = process + ".0";
    line(process, at, event, std::move(fields));
  }
  void span(const std::string& event, std::int64_t from, std::int64_t to, Json fields) {
    fields["from"] = ns(from);
    fields["to"] = ns(to);
    runner(to, event, std::move(fields));
  }
  void loss(std::int64_t from, std::int64_t to, const std::string& kind = "flush") {
    span("loss", from, to, {{"kind", kind}});
  }
  void cut(const std::string& process, std::int64_t from, std::int64_t to) {
    span("outage", from, to, {{"p", process}});
  }

  void call(std::int64_t at, const std::string& kind = "echo", std::int64_t timeout = 500) {
    member("p1", at, "call", {{"c", "p1.0#1"}, {"kind", kind}, {"to", 2}, {"timeout", timeout}});
  }
  void end(std::int64_t at, const std::string& outcome, const std::string& text = "",
           const std::string& executed = "maybe") {
    member("p1", at, "end",
           {{"c", "p1.0#1"}, {"outcome", outcome}, {"text", text}, {"executed", executed}});
  }
  void run_handler(const std::string& process, std::int64_t from, std::int64_t to) {
    member(process, from, "begin", {{"c", "p1.0#1"}});
    member(process, to, "done", {{"c", "p1.0#1"}});
  }
  void repeats(std::int64_t at) {
    runner(at, "replay", {{"channel", "a channel"}, {"calls", {"p9.0#9", "p1.0#1"}}});
  }
  void leads(const std::string& process, std::int64_t from, std::int64_t to, std::int64_t token) {
    for (std::int64_t at = from; at <= to; at += 10) {
      member(process, at, "lead", {{"token", token}, {"t0", ns(at)}, {"t1", ns(at)}});
    }
  }
  void id(const std::string& process, std::int64_t at, InstanceId id) {
    member(process, at, "id", {{"id", id}, {"seen", ns(at)}, {"before", ns(at)}});
  }
  void reports(const std::string& process, std::int64_t at, InstanceId id) {
    member(process, at, "cleaned_up", {{"id", id}});
  }
  void dies(const std::string& process, std::int64_t at, InstanceId id) {
    runner(at, "killed", {{"p", process}, {"from", ns(at)}});
    runner(at, "dead", {{"p", process}, {"id", id}});
  }

  /// Checks it all; the rules that were broken.
  std::vector<std::string> broken() {
    for (const char* name : {"p1", "p2", "p3"}) line(name, 99'000, "exit", Json::object());
    runner(100'000, "over");
    verdict_ = check(reader_.take());
    std::vector<std::string> rules;
    for (const Violation& violation : verdict_.violations) rules.push_back(violation.rule);
    return rules;
  }
  const Verdict& verdict() const { return verdict_; }

 private:
  HistoryReader reader_;
  Verdict verdict_;
};

using Rules = std::vector<std::string>;
inline const Rules none;
inline const Rules not_run{"a call that is said not to have run has not"};
inline const Rules one_outcome{"every call has one outcome, in time"};
inline const Rules run_once{"a handler runs at most once per call"};
inline const Rules ends_as_handler{"a call ends as its handler does"};
inline const Rules told_of_nobody{"a call to nobody is told so"};
inline const Rules goes_on{"a call to any node goes on with another"};
inline const Rules one_leader{"never two leaders"};
inline const Rules one_holder{"no two live nodes hold the same id"};
inline const Rules reported_once{"a node that died is reported once"};
inline const Rules not_reported{"a node that lives is not reported"};

}  // namespace mesh::chaos
