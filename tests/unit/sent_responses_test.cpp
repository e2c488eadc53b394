#include <core/sent_responses.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mesh::core {
namespace {

OutgoingResponse response(const std::string& text) { return {1, text}; }

TEST(SentResponses, AreTakenOutByTheirNumbersInWhateverOrder) {
  SentResponses sent;
  std::vector<SentResponses::Number> numbers;
  for (int i = 0; i < 10'000; ++i) numbers.push_back(sent.add(response(std::to_string(i))));
  for (const std::size_t i : {5U, 9999U, 0U, 500U}) {
    ASSERT_NE(sent.find(numbers[i]), nullptr);
    const auto taken = sent.take(numbers[i]);
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->message, std::to_string(i));
    EXPECT_EQ(sent.find(numbers[i]), nullptr);
    EXPECT_FALSE(sent.take(numbers[i]));
  }
  EXPECT_EQ(sent.find(numbers[6])->message, "6");
  for (const auto number : numbers) sent.take(number);
  for (const auto number : numbers) EXPECT_EQ(sent.find(number), nullptr);
}

TEST(SentResponses, NoNumberIsGivenTwice) {
  SentResponses sent;
  const auto forgotten = sent.add(response("forgotten"));
  sent.clear();
  EXPECT_EQ(sent.find(forgotten), nullptr);
  const auto next = sent.add(response("next"));
  EXPECT_FALSE(sent.take(forgotten));
  EXPECT_TRUE(sent.take(next));
  EXPECT_FALSE(sent.take(next + 1));
}

}  // namespace
}  // namespace mesh::core
