#include "checker_fixture.hpp"

namespace mesh::chaos {

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

TEST_F(CheckerTest, GivesACallerWhoseHandlersBlockItsTime) {
  line("p1", 0, "process", {{"protocol_thread", true}});
  call(10);
  member("p1", 6020, "stall", {{"from", ns(20)}, {"to", ns(6020)}});
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

TEST_F(CheckerTest, AcceptsARefusalOfANodeThatStops) {
  call(10);
  end(30, "refused", "the node is stopping", "no");
  EXPECT_EQ(broken(), Rules{});
}

TEST_F(CheckerTest, RejectsARunOfACallThatIsSaidNotToHaveRun) {
  call(10);
  run_handler("p2", 20, 21);
  end(30, "unreachable", "", "no");
  EXPECT_EQ(broken(), not_run);
}

TEST_F(CheckerTest, AcceptsARunOfARequestThatTheRunnerRepeatedAfterItsCall) {
  call(10);
  end(30, "unreachable", "", "no");
  run_handler("p2", 40, 41);
  EXPECT_EQ(broken(), Rules{});
}

TEST_F(CheckerTest, CountsARunOfARequestThatReachedNobodyBeforeTheRunnerRepeatedIt) {
  call(10);
  repeats(15);
  run_handler("p2", 20, 21);
  end(30, "unreachable", "", "no");
  EXPECT_EQ(broken(), none);
  EXPECT_EQ(verdict().runs_of_the_runner, 1U);
}

TEST_F(CheckerTest, RejectsARunBeforeTheRunnerRepeatedWhatIsSaidNotToHaveRun) {
  call(10);
  run_handler("p2", 20, 21);
  repeats(25);
  end(30, "unreachable", "", "no");
  EXPECT_EQ(broken(), not_run);
}

TEST_F(CheckerTest, RejectsThatACallIsSaidToHaveRunWhichHasNot) {
  call(10, "fail");
  end(30, "handler_error", "failed: p1.0#1", "yes");
  EXPECT_EQ(broken(), not_run);
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

TEST_F(CheckerTest, AcceptsThatNobodyIsReached) {
  call(10, "never", 1000);
  end(600, "unreachable");
  EXPECT_EQ(broken(), none);
}

TEST_F(CheckerTest, RejectsATimeoutWhereNobodyEverWas) {
  call(10, "never", 1000);
  end(1020, "timeout");
  EXPECT_EQ(broken(), told_of_nobody);
}

TEST_F(CheckerTest, RejectsATimeoutWhereOnlyAMonitorListens) {
  call(1010, "never", 2000);
  end(3020, "timeout");
  span("monitor", 0, 2100, Json::object());
  EXPECT_EQ(broken(), told_of_nobody);
}

TEST_F(CheckerTest, AcceptsATimeoutWhereAMonitorHasJustListened) {
  call(1010, "never", 2000);
  end(3020, "timeout");
  span("monitor", 0, 1400, Json::object());
  EXPECT_EQ(broken(), none);
}

TEST_F(CheckerTest, RejectsATimeoutWhereNobodyIsAnyMore) {
  id("p2", 10, 2);
  runner(1000, "killed", {{"p", "p2"}, {"from", ns(1000)}});
  call(7000, "echo", 1000);
  end(8010, "timeout");
  EXPECT_EQ(broken(), told_of_nobody);
}

TEST_F(CheckerTest, AcceptsATimeoutWhereSomebodyJustWas) {
  id("p2", 10, 2);
  runner(5000, "killed", {{"p", "p2"}, {"from", ns(5000)}});
  call(7000, "echo", 1000);
  end(8010, "timeout");
  EXPECT_EQ(broken(), none);
}

TEST_F(CheckerTest, AcceptsATimeoutOfACallerThatWasOutOfTouch) {
  cut("p1", 1, 100);
  call(1000, "never", 1000);
  end(2010, "timeout");
  EXPECT_EQ(broken(), none);
}

TEST_F(CheckerTest, RejectsACallToAnyNodeThatNobodyTook) {
  call(10'000, "any");
  end(10'030, "unreachable", "", "no");
  EXPECT_EQ(broken(), goes_on);
  EXPECT_EQ(verdict().calls_to_any, 1U);
}

TEST_F(CheckerTest, AcceptsASecondRunOfACallToAnyNodeByWhatTheRunnerRepeated) {
  call(10'000, "any");
  run_handler("p1", 10'020, 10'021);
  end(10'030, "ok", "", "yes");
  repeats(10'040);
  run_handler("p2", 10'050, 10'051);
  EXPECT_EQ(broken(), none);
  EXPECT_EQ(verdict().runs_of_the_runner, 1U);
}

TEST_F(CheckerTest, RejectsASecondRunOfACallToAnyNodeThatNobodyRepeated) {
  call(10'000, "any");
  run_handler("p1", 10'020, 10'021);
  run_handler("p2", 10'022, 10'023);
  end(10'030, "ok", "", "yes");
  repeats(10'040);
  EXPECT_EQ(broken(), run_once);
}

TEST_F(CheckerTest, RejectsACallToAnyNodeThatIsLeftToOneThatIsDead) {
  runner(8000, "killed", {{"p", "p2"}, {"from", ns(8000)}});
  call(10'000, "any");
  end(10'500, "timeout");
  EXPECT_EQ(broken(), goes_on);
}

TEST_F(CheckerTest, AcceptsACallToAnyNodeThatDiedWithIt) {
  call(10'000, "any");
  runner(10'020, "killed", {{"p", "p2"}, {"from", ns(10'020)}});
  end(10'500, "timeout");
  EXPECT_EQ(broken(), none);
}

TEST_F(CheckerTest, AcceptsACallToAnyNodeThatFailedWhileOneStoodStill) {
  runner(9000, "paused", {{"p", "p2"}});
  call(10'000, "any");
  end(10'500, "timeout");
  runner(12'000, "resumed", {{"p", "p2"}});
  EXPECT_EQ(broken(), none);
  EXPECT_EQ(verdict().calls_to_any, 0U);
}

}  // namespace mesh::chaos
