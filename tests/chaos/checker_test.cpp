#include "checker.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace mesh::chaos {

namespace {

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
  void end(std::int64_t at, const std::string& outcome, const std::string& text = "") {
    member("p1", at, "end", {{"c", "p1.0#1"}, {"outcome", outcome}, {"text", text}});
  }
  void run_handler(const std::string& process, std::int64_t from, std::int64_t to) {
    member(process, from, "begin", {{"c", "p1.0#1"}});
    member(process, to, "done", {{"c", "p1.0#1"}});
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
const Rules none;
const Rules one_outcome{"every call has one outcome, in time"};
const Rules run_once{"a handler runs at most once per call"};
const Rules ends_as_handler{"a call ends as its handler does"};
const Rules one_leader{"never two leaders"};
const Rules one_holder{"no two live nodes hold the same id"};
const Rules reported_once{"a node that died is reported once"};
const Rules not_reported{"a node that lives is not reported"};

}  // namespace

// Calls -------------------------------------------------------------------------------------------

TEST_F(CheckerTest, AcceptsACallThatIsAnswered) {
  call(10);
  run_handler("p2", 20, 21);
  end(30, "ok");
  EXPECT_EQ(broken(), none);
  EXPECT_EQ(verdict().outcomes.at("ok"), 1U);
}

TEST_F(CheckerTest, RejectsACallWithoutAnOutcome) {
  call(10);
  EXPECT_EQ(broken(), one_outcome);
}

TEST_F(CheckerTest, RejectsACallWithTwoOutcomes) {
  call(10);
  run_handler("p2", 20, 21);
  end(30, "ok");
  end(40, "timeout");
  EXPECT_EQ(broken(), one_outcome);
}

TEST_F(CheckerTest, RejectsAnOutcomeThatComesTooLate) {
  call(10);
  end(10 + 500 + 4000 + 1, "timeout");
  EXPECT_EQ(broken(), one_outcome);
}

TEST_F(CheckerTest, CountsTheTimeoutFromTheEndOfTheHandler) {
  call(10, "slow");
  run_handler("p2", 20, 3000);
  end(7000, "timeout");
  EXPECT_EQ(broken(), none);
}

TEST_F(CheckerTest, GivesACallerThatStoodStillItsTime) {
  call(10);
  runner(20, "paused", {{"p", "p1"}});
  runner(6020, "resumed", {{"p", "p1"}});
  end(10'000, "timeout");
  EXPECT_EQ(broken(), none);
}

TEST_F(CheckerTest, DoesNotCountAPauseTwiceThatTheProcessSawToo) {
  call(10);
  runner(20, "paused", {{"p", "p1"}});
  runner(6020, "resumed", {{"p", "p1"}});
  line("p1", 6030, "stall", {{"from", ns(20)}, {"to", ns(6020)}});
  end(12'000, "timeout");
  EXPECT_EQ(broken(), one_outcome);
}

TEST_F(CheckerTest, AcceptsAnOpenCallOfAProcessThatWasKilled) {
  call(10);
  runner(100, "killed", {{"p", "p1"}, {"from", ns(100)}});
  EXPECT_EQ(broken(), none);
  EXPECT_EQ(verdict().outcomes.at("caller killed"), 1U);
}

TEST_F(CheckerTest, RejectsAnOpenCallOfAProcessThatWasKilledLongAfter) {
  call(10);
  runner(9000, "killed", {{"p", "p1"}, {"from", ns(9000)}});
  EXPECT_EQ(broken(), one_outcome);
}

TEST_F(CheckerTest, RejectsSuccessWithoutARun) {
  call(10);
  end(30, "ok");
  EXPECT_EQ(broken(), ends_as_handler);
}

TEST_F(CheckerTest, RejectsAnAnswerToAnotherCall) {
  call(10);
  run_handler("p2", 20, 21);
  end(30, "wrong_answer", "p1.0#2");
  EXPECT_EQ(broken(), ends_as_handler);
}

TEST_F(CheckerTest, RejectsSuccessOfAHandlerThatThrows) {
  call(10, "fail");
  run_handler("p2", 20, 21);
  end(30, "ok");
  EXPECT_EQ(broken(), ends_as_handler);
}

TEST_F(CheckerTest, RejectsAnErrorThatNoHandlerThrew) {
  call(10);
  run_handler("p2", 20, 21);
  end(30, "handler_error", "something else");
  EXPECT_EQ(broken(), ends_as_handler);
}

TEST_F(CheckerTest, RejectsAHandlerThatRunsTwiceInOneNode) {
  call(10);
  run_handler("p2", 20, 21);
  run_handler("p2", 40, 41);
  end(50, "ok");
  loss(0, 5);  // no excuse
  EXPECT_EQ(broken(), run_once);
}

TEST_F(CheckerTest, RejectsAHandlerThatRunsInTwoNodes) {
  call(10);
  run_handler("p2", 20, 21);
  run_handler("p3", 40, 41);
  end(50, "ok");
  EXPECT_EQ(broken(), run_once);
}

TEST_F(CheckerTest, CountsARunInTwoNodesAfterLoss) {
  call(10);
  run_handler("p2", 20, 21);
  loss(25, 30, "empty");
  run_handler("p3", 40, 41);
  end(50, "ok");
  EXPECT_EQ(broken(), none);
  EXPECT_EQ(verdict().runs_twice_after_loss, 1U);
}

// Leaders -----------------------------------------------------------------------------------------

TEST_F(CheckerTest, AcceptsLeadersOneAfterTheOther) {
  leads("p1", 100, 500, 7);
  leads("p2", 510, 900, 8);
  leads("p1", 910, 990, 9);
  EXPECT_EQ(broken(), none);
  EXPECT_EQ(verdict().terms, 3U);
}

TEST_F(CheckerTest, RejectsTwoLeaders) {
  leads("p1", 100, 500, 7);
  leads("p2", 490, 900, 8);
  EXPECT_EQ(broken(), one_leader);
}

TEST_F(CheckerTest, DoesNotTakeALookThatStretchesOverAPauseForLeading) {
  leads("p1", 100, 500, 7);
  // p1 was paused within this look: it may have led at its beginning only.
  member("p1", 3000, "lead", {{"token", 7}, {"t0", ns(510)}, {"t1", ns(3000)}});
  leads("p2", 2000, 2500, 8);
  EXPECT_EQ(broken(), none);
}

TEST_F(CheckerTest, RejectsTwoLeadersAfterALossToo) {
  leads("p1", 100, 1500, 7);
  loss(200, 210);
  leads("p2", 300, 1700, 8);
  EXPECT_EQ(broken(), one_leader);
}

TEST_F(CheckerTest, RejectsATokenThatDoesNotGrow) {
  leads("p1", 100, 500, 7);
  leads("p2", 600, 900, 7);
  EXPECT_EQ(broken(), (Rules{"fencing tokens grow from leader to leader"}));
}

TEST_F(CheckerTest, RejectsALeaseThatUsesUpItsMargin) {
  leads("p1", 100, 100 + 1440, 7);
  runner(3000, "lease_cut", {{"p", "p1"}, {"renewed", ns(100)}, {"to", ns(3000)}});
  EXPECT_EQ(broken(), (Rules{"a lease ends before the lock can"}));
}

TEST_F(CheckerTest, AcceptsALeaseThatEndsInTime) {
  leads("p1", 100, 100 + 1420, 7);
  runner(3000, "lease_cut", {{"p", "p1"}, {"renewed", ns(100)}, {"to", ns(3000)}});
  EXPECT_EQ(broken(), none);
}

TEST_F(CheckerTest, RejectsALeaderCallbackThatIsMissing) {
  member("p1", 100, "became_leader", {{"token", 7}});
  member("p1", 300, "became_leader", {{"token", 8}});
  EXPECT_EQ(broken(), (Rules{"leader callbacks alternate"}));
}

// Ids ---------------------------------------------------------------------------------------------

TEST_F(CheckerTest, AcceptsAnIdThatIsUsedAgainAfterItsHolderHasGone) {
  id("p1", 100, 5);
  id("p1", 200, 0);
  id("p2", 300, 5);
  EXPECT_EQ(broken(), none);
}

TEST_F(CheckerTest, RejectsAnIdWithTwoHolders) {
  id("p1", 100, 5);
  id("p2", 200, 5);
  id("p1", 300, 6);
  EXPECT_EQ(broken(), one_holder);
}

TEST_F(CheckerTest, RejectsAnIdGivenAwayThoughItsHolderWasSubscribed) {
  id("p1", 100, 5);
  loss(150, 200, "rewind");
  id("p2", 200, 5);
  id("p1", 300, 6);
  EXPECT_EQ(broken(), one_holder);
}

TEST_F(CheckerTest, RejectsAnIdGivenAwayThoughItsHolderWasBackInTime) {
  id("p1", 100, 5);
  cut("p1", 110, 140);
  span("in_use", 150, 210, {{"p", "p1"}, {"id", 5}});
  loss(150, 200, "rewind");
  id("p2", 200, 5);
  id("p1", 300, 6);
  EXPECT_EQ(broken(), one_holder);
}

TEST_F(CheckerTest, CountsAnIdGivenAwayAfterLossWhileItsHolderWasCutOff) {
  id("p1", 100, 5);
  cut("p1", 140, 250);
  loss(150, 200, "rewind");
  id("p2", 200, 5);
  id("p1", 300, 6);
  EXPECT_EQ(broken(), none);
  EXPECT_EQ(verdict().two_holders_after_loss, 1U);
  EXPECT_EQ(verdict().longest_shared_id, ns(50));
}

TEST_F(CheckerTest, RejectsAHolderThatDoesNotNoticeThatItsIdIsGone) {
  id("p1", 100, 5);
  cut("p1", 140, 250);
  loss(150, 200, "rewind");
  id("p2", 200, 5);
  id("p1", 9000, 6);
  EXPECT_EQ(broken(), one_holder);
}

TEST_F(CheckerTest, EndsTheHoldOfAProcessThatWasKilled) {
  id("p1", 100, 5);
  runner(150, "killed", {{"p", "p1"}, {"from", ns(150)}});
  id("p2", 200, 5);
  EXPECT_EQ(broken(), none);
}

// Cleaning up -------------------------------------------------------------------------------------

TEST_F(CheckerTest, AcceptsADeathThatIsReported) {
  id("p1", 100, 5);
  dies("p1", 500, 5);
  reports("p2", 1700, 5);
  EXPECT_EQ(broken(), none);
  EXPECT_EQ(verdict().deaths, 1U);
}

TEST_F(CheckerTest, RejectsADeathThatIsNotReported) {
  id("p1", 100, 5);
  dies("p1", 500, 5);
  loss(20'000, 20'010);  // too late for an excuse
  EXPECT_EQ(broken(), reported_once);
}

TEST_F(CheckerTest, AcceptsADeathThatRedisForgot) {
  id("p1", 100, 5);
  dies("p1", 500, 5);
  loss(600, 610);
  EXPECT_EQ(broken(), none);
}

TEST_F(CheckerTest, RejectsADeathThatIsReportedTwice) {
  id("p1", 100, 5);
  dies("p1", 500, 5);
  reports("p2", 1700, 5);
  reports("p3", 9000, 5);
  EXPECT_EQ(broken(), reported_once);
}

TEST_F(CheckerTest, CountsAReportRepeatedAfterTheReporterDied) {
  id("p1", 100, 5);
  dies("p1", 500, 5);
  reports("p2", 1700, 5);
  runner(1800, "killed", {{"p", "p2"}, {"from", ns(1800)}});
  reports("p3", 4000, 5);
  EXPECT_EQ(broken(), none);
  EXPECT_EQ(verdict().reports_repeated, 1U);
}

TEST_F(CheckerTest, AcceptsAnotherReportOfANodeThatCameBack) {
  id("p1", 100, 5);
  cut("p1", 10'500, 12'000);
  reports("p2", 11'700, 5);
  cut("p1", 20'000, 25'000);
  reports("p2", 23'000, 5);
  EXPECT_EQ(broken(), none);
  EXPECT_EQ(verdict().reports_of_live_nodes, 2U);
}

TEST_F(CheckerTest, RejectsAReportOfANodeThatLives) {
  id("p1", 100, 5);
  reports("p2", 9000, 5);
  EXPECT_EQ(broken(), not_reported);
}

TEST_F(CheckerTest, RejectsAGhostThatIsNotReported) {
  runner(100, "ghost", {{"id", 900'000}});
  EXPECT_EQ(broken(), reported_once);
}

// The end -----------------------------------------------------------------------------------------

TEST_F(CheckerTest, RejectsCallsThatAreStillPending) {
  member("p1", 100, "stats", {{"sent", 5}, {"succeeded", 3}, {"failed", 1}, {"in_flight", 0}});
  EXPECT_EQ(broken(), (Rules{"no call is pending after stop"}));
}

TEST_F(CheckerTest, RejectsMemoryThatGrows) {
  for (std::int64_t at = 0; at < 90'000; at += 1000) line("p1", at, "rss", {{"kb", 5000 + at}});
  EXPECT_EQ(broken(), (Rules{"memory does not grow"}));
}

TEST_F(CheckerTest, AcceptsMemoryThatGrowsWhileWarmingUp) {
  for (std::int64_t at = 0; at < 90'000; at += 1000) {
    line("p1", at, "rss", {{"kb", at < 10'000 ? 5000 : 90'000}});
  }
  EXPECT_EQ(broken(), none);
}

TEST_F(CheckerTest, RejectsWhatTheRunnerSaw) {
  runner(100, "violation", {{"what", "the mesh has not healed"}});
  runner(200, "crashed", {{"p", "p1"}, {"status", {{"signal", 11}}}});
  runner(300, "exited", {{"p", "p2"}, {"status", {{"code", 66}}}, {"in_time", true}});
  runner(400, "exited", {{"p", "p3"}, {"status", {{"code", 0}}}, {"in_time", true}});
  EXPECT_EQ(broken(), (Rules{"seen by the runner", "seen by the runner", "seen by the runner"}));
}

TEST_F(CheckerTest, RejectsARunThatBrokeOff) {
  HistoryReader empty;
  const Verdict verdict = check(empty.take());
  ASSERT_EQ(verdict.violations.size(), 1U);
  EXPECT_EQ(verdict.violations[0].rule, "the run comes to its end");
}

}  // namespace mesh::chaos
