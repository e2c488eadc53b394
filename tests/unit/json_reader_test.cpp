#include <wire/json_reader.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <mesh/codec.hpp>
#include <mesh/detail/nlohmann_document.hpp>
#include <support/random_json.hpp>

namespace mesh::wire {
namespace {

using Json = nlohmann::json;
using namespace std::string_literals;

constexpr std::size_t any_levels = std::numeric_limits<std::size_t>::max();

/// Of a text that is one value and spaces.
JsonVerdict verdict_on(std::string_view text, std::size_t most_levels = any_levels) {
  JsonLexer lexer(text);
  const JsonVerdict verdict = skip_json_value(lexer, most_levels);
  lexer.skip_space();
  return verdict != JsonVerdict::good || lexer.is_at_end() ? verdict : JsonVerdict::no_json;
}

std::optional<Json> document_of(std::string_view text) {
  detail::DocumentBuilder builder;
  try {
    detail::read_json(text, builder);
  } catch (const CodecError&) {
    return std::nullopt;
  }
  return std::move(builder.document());
}

bool is_one_value(std::string_view text) {
  const bool is_skipped = verdict_on(text) == JsonVerdict::good;
  EXPECT_EQ(is_skipped, document_of(text).has_value()) << text;
  return is_skipped;
}

/// Writes down what it is told.
struct Trace {
  std::string text;

  void null() { text += "null "; }
  void boolean(bool value) { text += value ? "true " : "false "; }
  void number(const JsonNumber& number) {
    text.append(number.is_integer ? "integer:" : "float:").append(number.written).append(" ");
  }
  void string(const JsonString& string) {
    text.append(string.has_escapes ? "escaped:" : "string:").append(string.written).append(" ");
  }
  void key(const JsonString& key) { text.append("key:").append(key.written).append(" "); }
  void begin_object() { text += "{ "; }
  void end_object() { text += "} "; }
  void begin_array() { text += "[ "; }
  void end_array() { text += "] "; }
};

const std::string one_of_each =
    R"({"a":[null,true,false,0,-1.5e+3,"t\n\u00e4"],"b":{"":{}},"c":[[],["ä€😀"]]})";

TEST(JsonReader, TellsOfEverythingInOrder) {
  Trace trace;
  JsonLexer lexer(one_of_each);
  EXPECT_EQ(read_json_value(lexer, 3, trace), JsonVerdict::good);
  EXPECT_TRUE(lexer.is_at_end());
  EXPECT_EQ(trace.text, R"({ key:a [ null true false integer:0 float:-1.5e+3 escaped:t\n\u00e4 ] )"
                        R"(key:b { key: { } } key:c [ [ ] [ string:ä€😀 ] ] } )");
}

TEST(JsonReader, ReadsOneValueAndLeavesTheRest) {
  for (const char* value : {"null", "1.5", R"("a")", "[1]", R"({"a":1})"}) {
    const std::string text = value + " , x"s;
    JsonLexer lexer(text);
    EXPECT_EQ(skip_json_value(lexer, 1), JsonVerdict::good) << text;
    EXPECT_EQ(lexer.read_since(0), value);
  }
}

TEST(JsonReader, WhatEndsEarlyIsNoJson) {
  EXPECT_TRUE(is_one_value(one_of_each));
  for (std::size_t size = 0; size < one_of_each.size(); ++size) {
    EXPECT_FALSE(is_one_value(one_of_each.substr(0, size))) << size;
  }
}

TEST(JsonReader, NothingMayFollowButSpace) {
  EXPECT_TRUE(is_one_value("[] \n\r\t"));
  for (const char* rest : {"x", " x", "[]", ",", "]", "}", "\"", "1", "//", "\xEF\xBB\xBF"}) {
    EXPECT_FALSE(is_one_value("[]"s + rest)) << rest;
    EXPECT_FALSE(is_one_value("1"s + " " + rest)) << rest;
  }
}

TEST(JsonReader, SpaceMayBeBetweenWordsOnly) {
  const std::vector<std::string> words{"{",    R"("a b")", ":", "[",     "1", ",",    "-2.5e1",
                                       ",",    "[",        "]", ",",     "{", "}",    ",",
                                       "true", "]",        ",", R"("")", ":", "null", "}"};
  const auto text_with = [&words](const std::string& space) {
    std::string text = space;
    for (const std::string& word : words) text += word + space;
    return text;
  };
  for (const char* space : {"", " ", "\n", "\r", "\t", " \t\r\n  "}) {
    EXPECT_EQ(document_of(text_with(space)), document_of(text_with(""))) << text_with(space);
    EXPECT_TRUE(is_one_value(text_with(space)));
  }
  for (const std::string& no_space :
       {"\v"s, "\f"s, "\0"s, "\x1F"s, "\xC2\xA0"s, "\xE2\x80\xA8"s, "\xEF\xBB\xBF"s, "/**/"s}) {
    EXPECT_FALSE(is_one_value(text_with(no_space)));
    EXPECT_FALSE(is_one_value(no_space + "1"));
    EXPECT_FALSE(is_one_value("1" + no_space));
    EXPECT_FALSE(is_one_value("[" + no_space + "]"));
  }
  for (const char* text : {"tr ue", "- 1", "1 .5", "1. 5", "1 e5", "1e 5", "1 2", "nul l"}) {
    EXPECT_FALSE(is_one_value(text)) << text;
  }
}

TEST(JsonReader, BracketsCommasAndColonsMustFit) {
  for (const char* text : {"[",
                           "]",
                           "{",
                           "}",
                           "[}",
                           "{]",
                           "[1,]",
                           "[,1]",
                           "[,]",
                           "[1,,2]",
                           "[1 2]",
                           "[1:2]",
                           "[]]",
                           "[[]",
                           "[[1}]",
                           R"({"a"})",
                           R"({"a":})",
                           R"({"a":1,})",
                           R"({,"a":1})",
                           R"({"a" 1})",
                           R"({"a"::1})",
                           R"({"a":1 "b":2})",
                           R"({"a":1,,"b":2})",
                           R"({"a":1:2})",
                           "{1:1}",
                           "{null:1}",
                           "{a:1}",
                           "{[]:1}",
                           R"({"a":1]})",
                           R"([{"a":1])",
                           ",",
                           ":",
                           "1,2",
                           R"("a":1)"}) {
    EXPECT_FALSE(is_one_value(text)) << text;
  }
}

TEST(JsonReader, WordsAreExact) {
  for (const char* text :
       {"True",     "TRUE",      "tru",   "truee", "true1",     "truefalse", "fals",
        "falsee",   "nul",       "nulll", "Null",  "undefined", "NaN",       "nan",
        "Infinity", "-Infinity", "inf",   "'a'",   "a",         "`a`"}) {
    EXPECT_FALSE(is_one_value(text)) << text;
    EXPECT_FALSE(is_one_value("["s + text + "]")) << text;
  }
}

TEST(JsonReader, OfMembersOfOneNameTheLastOneCounts) {
  EXPECT_EQ(document_of(R"({"a":{"b":1},"c":0,"\u0061":[2]})"), Json::parse(R"({"a":[2],"c":0})"));
}

TEST(JsonReader, ZeroBytesAreNoPartOfAText) {
  for (std::size_t at = 0; at <= one_of_each.size(); ++at) {
    std::string text = one_of_each;
    text.insert(at, 1, '\0');
    EXPECT_FALSE(is_one_value(text)) << at;
  }
}

TEST(JsonReader, AMarkOfTheByteOrderIsRefused) {
  EXPECT_FALSE(is_one_value("\xEF\xBB\xBF[]"));
  EXPECT_FALSE(is_one_value("[\xEF\xBB\xBF]"));
  EXPECT_TRUE(is_one_value("\"\xEF\xBB\xBF\""));  // there it is a character
}

TEST(JsonReader, SaysAtWhichByteItIsNoJson) {
  for (const auto& [text, place] :
       std::vector<std::pair<std::string, std::string>>{{"", "byte 0 "},
                                                        {"  x", "byte 2 "},
                                                        {"[1, x]", "byte 4 "},
                                                        {"[1 ;2]", "byte 3 "},
                                                        {"\"ab\ncd\"", "byte 3 "},
                                                        {"\"ab\xFF\"", "byte 3 "},
                                                        {R"("a\x")", "byte 2 "},
                                                        {"[1] 2", "byte 4 "},
                                                        {"[1", "byte 2 "}}) {
    try {
      detail::DocumentBuilder builder;
      detail::read_json(text, builder);
      ADD_FAILURE() << text;
    } catch (const CodecError& error) {
      EXPECT_NE(error.cause().find(place), std::string::npos) << text << ": " << error.cause();
    }
  }
}

/// Brackets of kinds that depend on the seed.
std::pair<std::string, std::string> nest(std::size_t depth, std::uint64_t seed) {
  test::RandomJson random(seed);
  std::pair<std::string, std::string> brackets;
  for (std::size_t i = 0; i < depth; ++i) {
    const bool is_object = random.below(2) == 0;
    brackets.first += is_object ? "{\"\":" : "[";
    brackets.second.insert(0, 1, is_object ? '}' : ']');
  }
  return brackets;
}

TEST(JsonReader, TheLimitOfLevelsIsExact) {
  EXPECT_EQ(verdict_on("1", 0), JsonVerdict::good);
  for (std::size_t depth = 1; depth < 200; ++depth) {
    const auto [opening, closing] = nest(depth, depth);
    const std::string text = opening + "1" + closing;
    EXPECT_EQ(verdict_on(text, depth), JsonVerdict::good) << depth;
    EXPECT_EQ(verdict_on(text, depth - 1), JsonVerdict::too_deep) << depth;
    EXPECT_EQ(verdict_on(opening + "[]" + closing, depth), JsonVerdict::too_deep) << depth;
    EXPECT_EQ(verdict_on(opening + "{}" + closing, depth + 1), JsonVerdict::good) << depth;
  }
  EXPECT_EQ(verdict_on(R"([[],{},[{},[]],{"a":[]}])", 3), JsonVerdict::good);
}

TEST(JsonReader, EveryLevelMustEndAsItBegan) {
  for (const std::size_t depth : {1U, 2U, 63U, 64U, 65U, 66U, 127U, 128U, 129U, 192U, 193U, 300U}) {
    const auto [opening, closing] = nest(depth, depth);
    EXPECT_TRUE(is_one_value(opening + "0" + closing)) << depth;
    EXPECT_FALSE(is_one_value(opening + "0" + closing.substr(1))) << depth;
    EXPECT_FALSE(is_one_value(opening + "0" + closing + closing.back())) << depth;
    for (std::size_t i = 0; i < depth; ++i) {
      std::string wrong = closing;
      wrong[i] = wrong[i] == ']' ? '}' : ']';
      EXPECT_FALSE(is_one_value(opening + "0" + wrong)) << depth << ", " << i;
    }
  }
}

TEST(JsonReader, ReadsAnyDepthWithoutRecursion) {
  constexpr std::size_t depth = 100'000;
  EXPECT_EQ(verdict_on(std::string(depth, '['), depth), JsonVerdict::no_json);
  EXPECT_EQ(verdict_on(std::string(depth, '['), depth - 1), JsonVerdict::too_deep);
  const std::string text = std::string(depth, '[') + std::string(depth, ']');
  const auto document = document_of(text);
  ASSERT_TRUE(document);
  std::size_t levels = 0;
  for (const Json* level = &*document; level != nullptr; ++levels) {
    level = level->empty() ? nullptr : &level->front();
  }
  EXPECT_EQ(levels, depth);
}

TEST(JsonLevels, KeepTheirKindsBeyondAnyGroupOfThem) {
  test::RandomJson random(5);
  JsonLevels levels;
  std::vector<bool> expected;
  for (int i = 0; i < 20000; ++i) {
    // Up and down over the bounds of groups again and again.
    const bool enters = expected.empty() || random.below(300) > expected.size();
    if (enters) {
      expected.push_back(random.below(2) == 0);
      levels.enter(expected.back());
    } else {
      expected.pop_back();
      levels.leave();
    }
    ASSERT_EQ(levels.size(), expected.size());
    if (expected.empty()) continue;
    ASSERT_EQ(levels.is_object(), expected.back()) << levels.size();
  }
}

}  // namespace
}  // namespace mesh::wire
