#include <core/sent_responses.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mesh::core {
namespace {

OutgoingResponse response(const std::string& text) { return {1, text}; }

TEST(SentResponses, AreFoundByTheirNumbersInWhateverOrderTheyAreTakenOut) {
  SentResponses sent;
  std::vector<SentResponses::Number> numbers;
  for (int i = 0; i < 1000; ++i) numbers.push_back(sent.add(response(std::to_string(i))));
  for (const std::size_t i : {5U, 999U, 0U, 500U}) {
    ASSERT_NE(sent.find(numbers[i]), nullptr);
    EXPECT_EQ(sent.find(numbers[i])->message, std::to_string(i));
    sent.erase(numbers[i]);
    EXPECT_EQ(sent.find(numbers[i]), nullptr);
  }
  for (const std::size_t i : {1U, 2U, 3U, 4U}) sent.erase(numbers[i]);
  EXPECT_EQ(sent.find(numbers[5]), nullptr);
  EXPECT_EQ(sent.find(numbers[6])->message, "6");
  const auto next = sent.add(response("next"));
  EXPECT_EQ(sent.find(next)->message, "next");
  EXPECT_EQ(sent.find(numbers[998])->message, "998");
}

TEST(SentResponses, NoNumberIsGivenTwice) {
  SentResponses sent;
  const auto forgotten = sent.add(response("forgotten"));
  sent.clear();
  EXPECT_EQ(sent.find(forgotten), nullptr);
  const auto next = sent.add(response("next"));
  EXPECT_EQ(sent.find(forgotten), nullptr);
  ASSERT_NE(sent.find(next), nullptr);
  sent.erase(next);
  EXPECT_EQ(sent.find(next), nullptr);
  EXPECT_EQ(sent.find(next + 1), nullptr);
}

}  // namespace
}  // namespace mesh::core
