#include <mesh/detail/nlohmann_document.hpp>

#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <iostream>
#include <limits>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include <mesh/codec.hpp>
#include <support/json_comparison.hpp>
#include <support/random_json.hpp>

namespace mesh::test {
namespace {

/// MESH_JSON_INPUTS=100000000 compares that many, beginning with MESH_JSON_SEED or anywhere.
std::optional<std::uint64_t> number_in_environment(const char* name) {
  const char* const text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  if (text == nullptr) return std::nullopt;
  const std::string_view digits = text;
  std::uint64_t number = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (result.ec != std::errc() || result.ptr != digits.data() + digits.size()) {
    throw std::invalid_argument(std::string(name) + " must be a number");
  }
  return number;
}

std::uint64_t any_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32U) | device();
}

TEST(JsonDifferential, AnyTextIsReadAsByNlohmann) {
  const auto wanted = number_in_environment("MESH_JSON_INPUTS");
  const auto seed = number_in_environment("MESH_JSON_SEED").value_or(wanted ? any_seed() : 1);
  const std::uint64_t inputs = wanted.value_or(20000);
  if (wanted) std::cout << inputs << " inputs, MESH_JSON_SEED=" << seed << std::endl;
  RandomJson random(seed);
  JsonComparison comparison;
  for (std::uint64_t i = 0; i < inputs; ++i) {
    const std::string_view text = random.next();
    const char* const fault = comparison.fault_of(text);
    ASSERT_EQ(fault, nullptr) << fault << ": " << ::testing::PrintToString(std::string(text))
                              << ", input " << i << " of MESH_JSON_SEED=" << seed;
  }
  // Neither all of them nor none.
  EXPECT_GT(comparison.accepted(), inputs / 4);
  EXPECT_LT(comparison.accepted(), inputs / 4 * 3);
}

TEST(JsonDifferential, WhatIsNotDamagedIsReadAsByNlohmann) {
  RandomJson random(2);
  JsonComparison comparison;
  for (int i = 0; i < 5000; ++i) {
    const std::string_view text = random.next_document();
    const char* const fault = comparison.fault_of(text);
    ASSERT_EQ(fault, nullptr) << fault << ": " << ::testing::PrintToString(std::string(text));
  }
  EXPECT_GT(comparison.accepted(), 3000U);
}

TEST(JsonDifferential, EveryPrefixOfADocumentIsReadAsByNlohmann) {
  RandomJson random(3);
  JsonComparison comparison;
  for (int i = 0; i < 200; ++i) {
    const std::string text(random.next_document());
    for (std::size_t size = 0; size <= text.size(); ++size) {
      const char* const fault = comparison.fault_of(std::string_view(text).substr(0, size));
      ASSERT_EQ(fault, nullptr) << fault << ": " << ::testing::PrintToString(text.substr(0, size));
    }
  }
}

TEST(JsonDifferential, AnyBytesAreWrittenAsByNlohmann) {
  RandomJson random(4);
  for (int i = 0; i < 5000; ++i) {
    const std::string_view bytes = random.next();
    const char* const fault = JsonComparison::fault_of_string(bytes);
    ASSERT_EQ(fault, nullptr) << fault << ": " << ::testing::PrintToString(std::string(bytes));
  }
}

// A comparison that finds nothing may be one that cannot.
TEST(JsonDifferential, DifferentDocumentsAreNotTheSame) {
  const auto same = [](const char* left, const char* right) {
    return is_same_json(nlohmann::json::parse(left), nlohmann::json::parse(right));
  };
  const char* const whole = R"({"a":[1,-1,1.5,"t",true,null],"b":{}})";
  EXPECT_TRUE(same(whole, whole));
  for (const auto& [left, right] : std::initializer_list<std::pair<const char*, const char*>>{
           {"1", "1.0"},
           {"0.0", "-0.0"},
           {"0", "-0"},
           {"[]", "{}"},
           {"[1]", "[1,2]"},
           {"[[1]]", "[[2]]"},
           {R"({"a":1})", R"({"b":1})"},
           {R"({"a":1})", R"({"a":true})"},
           {R"({"a":{"b":"x"}})", R"({"a":{"b":"y"}})"}}) {
    EXPECT_FALSE(same(left, right)) << left << " " << right;
    EXPECT_FALSE(same(right, left)) << left << " " << right;
  }
}

TEST(JsonDifferential, OnlyHalvesOfSurrogatePairsAreReplacedForNlohmann) {
  std::string memory;
  for (const char* text :
       {"", R"("\ud83d\uDE00")", R"("\\ud83d")", R"("\ud7ff\ue000\u12")", R"(\)"}) {
    EXPECT_EQ(with_whole_pairs(text, memory), text);
  }
  EXPECT_EQ(with_whole_pairs(R"(["\ud83d","a\uDE00b\ud83d\ud83d\ude00\ud83d\\"])", memory),
            R"(["\ufffd","a\ufffdb\ufffd\ud83d\ude00\ufffd\\"])");
}

TEST(JsonWriter, WritesTheLimitsOfNumbersAsNlohmannDoes) {
  using Json = nlohmann::json;
  using Double = std::numeric_limits<double>;
  for (const Json& number :
       {Json(std::numeric_limits<std::int64_t>::min()),
        Json(std::numeric_limits<std::int64_t>::max()),
        Json(std::numeric_limits<std::uint64_t>::max()), Json(std::int64_t{0}), Json(-0.0),
        Json(1.0), Json(0.1), Json(1e22), Json(Double::max()), Json(Double::denorm_min())}) {
    std::string text = "before ";
    detail::append_document(text, number);
    EXPECT_EQ(text, "before " + number.dump());
  }
}

TEST(JsonWriter, RefusesWhatJsonDoesNotHaveAndSaysWhereItIs) {
  using Json = nlohmann::json;
  const auto path_of_fault = [](const Json& bad) -> std::string {
    const Json document{{"good", 1}, {"a/b", {0, {{"bad", bad}}}}};
    try {
      std::string text;
      detail::append_document(text, document);
    } catch (const CodecError& error) {
      return error.path();
    }
    return "none";
  };
  EXPECT_EQ(path_of_fault(Json(1.5)), "none");
  for (const Json& bad : {Json(std::nan("")), Json(HUGE_VAL), Json(-HUGE_VAL), Json("\xC3"),
                          Json("half \xED\xA0\x80"), Json(Json::value_t::discarded)}) {
    EXPECT_EQ(path_of_fault(bad), "/a~1b/1/bad");
  }
  EXPECT_EQ(path_of_fault(Json{{"\xFF", 1}}), "/a~1b/1/bad");
}

}  // namespace
}  // namespace mesh::test
