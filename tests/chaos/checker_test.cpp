#include "checker_fixture.hpp"

namespace mesh::chaos {

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

TEST_F(CheckerTest, CountsALeaseThatWasGrantedAfterTheLastRenewalFromThen) {
  leads("p1", 50, 700, 7);
  leads("p1", 1000, 1000 + 1420, 8);
  runner(3000, "lease_cut", {{"p", "p1"}, {"renewed", ns(100)}, {"to", ns(3000)}});
  EXPECT_EQ(broken(), none);
}

TEST_F(CheckerTest, RejectsSuchALeaseToo) {
  leads("p1", 50, 700, 7);
  leads("p1", 1000, 1000 + 1440, 8);
  runner(3000, "lease_cut", {{"p", "p1"}, {"renewed", ns(100)}, {"to", ns(3000)}});
  EXPECT_EQ(broken(), (Rules{"a lease ends before the lock can"}));
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

TEST_F(CheckerTest, CountsAReportRepeatedWhereTheReporterWasOutOfTouch) {
  id("p1", 100, 5);
  dies("p1", 500, 5);
  reports("p2", 1700, 5);
  cut("p2", 1600, 3500);
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

TEST_F(CheckerTest, AcceptsAReportOfANodeThatStoodStill) {
  id("p1", 100, 5);
  member("p1", 9000, "stall", {{"from", ns(7000)}, {"to", ns(9000)}});
  reports("p2", 9000, 5);
  EXPECT_EQ(broken(), none);
}

TEST_F(CheckerTest, RejectsAReportOfANodeWhoseHandlersBlockBesideTheProtocol) {
  line("p1", 0, "process", {{"protocol_thread", true}});
  id("p1", 100, 5);
  member("p1", 9000, "stall", {{"from", ns(7000)}, {"to", ns(9000)}});
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
