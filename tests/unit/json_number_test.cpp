#include <wire/json_number.hpp>

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <support/json_comparison.hpp>
#include <support/random_json.hpp>
#include <wire/json_reader.hpp>

namespace mesh::wire {
namespace {

using Json = nlohmann::json;
using namespace std::string_literals;

std::optional<Json> number_document(const std::string& text) {
  Json document;
  const bool is_read = test::read_document(text, document) == test::JsonReading::json;
  return is_read ? std::optional(std::move(document)) : std::nullopt;
}

TEST(JsonNumbers, FollowTheirGrammar) {
  for (const char* text : {"0", "-0", "7", "-12", "10", "0.0", "-0.5", "12.050", "0e0", "1E5",
                           "1e+05", "1e-5", "-1.5E-300", "123456789012345678901234567890"}) {
    EXPECT_TRUE(number_document(text)) << text;
  }
  for (const char* text :
       {"00",    "01",    "-01",  "-",   "+1", "--1", "-+1", ".5",          "-.5",
        "1.",    "-1.",   "1.e5", "1e",  "1E", "1e+", "1e-", "1e+-1",       "1e1.5",
        "1.5.2", "1e5e5", "0x10", "1_0", "1f", "0e",  "1 0", "\xEF\xBC\x91"}) {
    EXPECT_FALSE(number_document(text)) << text;
    EXPECT_FALSE(number_document("["s + text + "]")) << text;
    EXPECT_FALSE(number_document("{\"a\":"s + text + "}")) << text;
  }
}

TEST(JsonNumbers, AreIntegersAsFarAsThereAreAny) {
  using Type = Json::value_t;
  for (const auto& [text, type] :
       std::vector<std::pair<const char*, Type>>{{"0", Type::number_unsigned},
                                                 {"-0", Type::number_integer},
                                                 {"-1", Type::number_integer},
                                                 {"9223372036854775808", Type::number_unsigned},
                                                 {"18446744073709551615", Type::number_unsigned},
                                                 {"18446744073709551616", Type::number_float},
                                                 {"-9223372036854775808", Type::number_integer},
                                                 {"-9223372036854775809", Type::number_float},
                                                 {"1.0", Type::number_float},
                                                 {"1e2", Type::number_float},
                                                 {"-0.0", Type::number_float}}) {
    const auto document = number_document(text);
    ASSERT_TRUE(document) << text;
    EXPECT_EQ(document->type(), type) << text;
    EXPECT_EQ(document->dump(), Json::parse(text).dump()) << text;
  }
  EXPECT_EQ(number_document("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(number_document("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
}

std::uint64_t bits_of_number(const std::string& text) {
  return std::bit_cast<std::uint64_t>(to_double({text, false}));
}

std::uint64_t bits_by_strtod(const std::string& text) {
  return std::bit_cast<std::uint64_t>(std::strtod(text.c_str(), nullptr));
}

TEST(JsonNumbers, FloatsAreTheNearestToTheLastBit) {
  test::RandomJson random(6);
  for (int i = 0; i < 20000; ++i) {
    const auto number = std::bit_cast<double>(random.bits());
    if (!std::isfinite(number)) continue;
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), i % 2 == 0 ? "%.17g" : "%.9e", number);
    ASSERT_EQ(bits_of_number(text.data()), bits_by_strtod(text.data())) << text.data();
  }
  for (const char* text :
       {"0.1", "9007199254740993", "9007199254740992.99999999999999999", "4.9e-324",
        "2.4703282292062327e-324", "2.4703282292062328e-324", "2.2250738585072011e-308",
        "1.7976931348623157e308", "1.7976931348623158e308", "1.7976931348623159e308"}) {
    EXPECT_EQ(bits_of_number(text), bits_by_strtod(text)) << text;
  }
}

TEST(JsonNumbers, BeyondAnyFloatAreRefusedIfLargeAndZeroIfSmall) {
  const std::string many(400, '9');
  for (const std::string& large :
       {"1e999"s, "1e309"s, "1.8e308"s, many, many + ".5"s, "0." + std::string(10, '0') + "1e999",
        "1e9223372036854775807"s, "10e9223372036854775807"s, "1e99999999999999999999"s,
        "1E+99999999999999999999"s}) {
    EXPECT_EQ(to_double({large, false}), HUGE_VAL) << large;
    EXPECT_EQ(to_double({"-" + large, false}), -HUGE_VAL) << large;
    EXPECT_EQ(number_document(large), std::nullopt) << large;
    EXPECT_EQ(number_document("[1,-" + large + "]"), std::nullopt) << large;
    JsonLexer lexer(large);
    EXPECT_EQ(skip_json_value(lexer, 0), JsonVerdict::good) << large;  // it is JSON all the same
  }
  for (const std::string& small :
       {"1e-999"s, "1e-325"s, "0." + std::string(400, '0') + "1", "1e-99999999999999999999"s,
        "0.01e-9223372036854775808"s, "0e999"s, "0.0e99999999999999999999"s,
        "0e9223372036854775807"s}) {
    EXPECT_EQ(bits_of_number(small), bits_of_number("0.0")) << small;
    EXPECT_EQ(bits_of_number("-" + small), bits_of_number("-0.0")) << small;
    EXPECT_EQ(number_document(small), 0.0) << small;
  }
}

}  // namespace
}  // namespace mesh::wire
