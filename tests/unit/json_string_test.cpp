#include <wire/json_string.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <support/json_comparison.hpp>
#include <support/random_json.hpp>
#include <wire/json_bytes.hpp>
#include <wire/json_lexer.hpp>

namespace mesh::wire {
namespace {

using namespace std::string_literals;

const std::string replacement_character = "\xEF\xBF\xBD";

/// Nothing if that is no string of JSON between quotes.
std::optional<std::string> meaning_of_string(std::string_view written) {
  nlohmann::json document;
  const std::string text = std::string("\"").append(written).append("\"");
  if (test::read_document(text, document) != test::JsonReading::json) return std::nullopt;
  return document.get<std::string>();
}

std::string written_string(std::string_view text) {
  std::string json;
  append_json_string(json, text);
  return json;
}

TEST(JsonStrings, EscapesMeanWhatTheyShallAndThereAreNoOthers) {
  const std::vector<std::pair<char, char>> meanings{{'"', '"'},  {'\\', '\\'}, {'/', '/'},
                                                    {'b', '\b'}, {'f', '\f'},  {'n', '\n'},
                                                    {'r', '\r'}, {'t', '\t'}};
  for (int byte = 0; byte < 256; ++byte) {
    const char letter = static_cast<char>(byte);
    std::optional<std::string> expected;
    for (const auto& [escape, meaning] : meanings) {
      if (escape == letter) expected = "ab"s + meaning + "c";
    }
    EXPECT_EQ(meaning_of_string("ab\\"s + letter + "c"), expected) << byte;
  }
  EXPECT_EQ(meaning_of_string("\\"), std::nullopt);
  EXPECT_EQ(meaning_of_string(R"(\\)"), "\\");
  EXPECT_EQ(meaning_of_string(R"(\\\)"), std::nullopt);
}

TEST(JsonStrings, CodesHaveFourDigits) {
  EXPECT_EQ(meaning_of_string(R"(\u0041\u00e4\u20AC\uffFF\u0000z)"), "Aä€\xEF\xBF\xBF\0z"s);
  for (std::size_t at = 0; at < 4; ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string written = "\\u1234";
      written[2 + at] = static_cast<char>(byte);
      const bool is_digit_there =
          "0123456789abcdefABCDEF"s.find(static_cast<char>(byte)) != std::string::npos;
      EXPECT_EQ(meaning_of_string(written).has_value(), is_digit_there) << at << ", " << byte;
    }
  }
  for (const char* written : {R"(\u)", R"(\u1)", R"(\u12)", R"(\u123)", R"(\U1234)", R"(\u+123)",
                              R"(\u 123)", R"(\u0x1)", R"(\u-001)", R"(\ud83d\u12)"}) {
    EXPECT_EQ(meaning_of_string(written), std::nullopt) << written;
  }
}

TEST(JsonStrings, EveryCodeIsTheCharacterThatNlohmannMakesOfIt) {
  for (unsigned code = 0; code <= 0xFFFF; ++code) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::array<char, 8> written{};
    std::snprintf(written.data(), written.size(), "\\u%04X", code);
    const auto expected = nlohmann::json::parse("\""s + written.data() + "\"").get<std::string>();
    ASSERT_EQ(meaning_of_string(written.data()), expected) << written.data();
  }
  EXPECT_EQ(meaning_of_string(R"(\ud800\udc00)"), "\xF0\x90\x80\x80");
  EXPECT_EQ(meaning_of_string(R"(\uD83D\uDE00)"), "\xF0\x9F\x98\x80");
  EXPECT_EQ(meaning_of_string(R"(\udbff\udfff)"), "\xF4\x8F\xBF\xBF");
}

TEST(JsonStrings, HalvesOfSurrogatePairsBecomeTheReplacementCharacter) {
  for (const auto& [written, expected] : std::vector<std::pair<const char*, std::string>>{
           {R"(\ud83d)", replacement_character},
           {R"(\ude00)", replacement_character},
           {R"(\ud83d\ud83d\ude00\ude00)",
            replacement_character + "\xF0\x9F\x98\x80" + replacement_character},
           {R"(\ude00\ud83d)", replacement_character + replacement_character},
           {R"(\ud83dx\ude00)", replacement_character + "x" + replacement_character},
           {R"(\ud83d\n\ude00)", replacement_character + "\n" + replacement_character},
           {R"(\ud83d\\ude00)", replacement_character + "\\ude00"},
           {R"(\ud83d\u0041)", replacement_character + "A"},
           {R"(\ud83d\udbff)", replacement_character + replacement_character},
           {R"(\ud83d\ue000)", replacement_character + "\xEE\x80\x80"}}) {
    EXPECT_EQ(meaning_of_string(written), expected) << written;
  }
}

TEST(JsonStrings, ControlCharactersMustBeEscaped) {
  for (int byte = 0; byte < 0x80; ++byte) {
    if (byte == '"' || byte == '\\') continue;
    for (const std::size_t before : {0U, 1U, 7U, 8U, 20U}) {
      const std::string written = std::string(before, 'x') + static_cast<char>(byte) + "yz";
      EXPECT_EQ(meaning_of_string(written).has_value(), byte >= 0x20) << byte << ", " << before;
    }
  }
}

/// By the definition of UTF-8, not by its table: the character that the bytes make, if that needs
/// no fewer bytes and there is such a one.
std::size_t utf8_size_by_definition(std::string_view bytes) {
  const auto first = static_cast<unsigned char>(bytes[0]);
  const std::size_t size = first >= 0xF0 ? 4 : (first >= 0xE0 ? 3 : 2);
  if (first < 0xC0 || first >= 0xF8 || bytes.size() < size) return 0;
  std::uint32_t code = first & (0xFFU >> (size + 1));
  for (const char c : bytes.substr(1, size - 1)) {
    if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80) return 0;
    code = (code << 6U) | (static_cast<unsigned char>(c) & 0x3FU);
  }
  constexpr std::array<std::uint32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
  const bool is_half = code >= 0xD800 && code < 0xE000;
  return code >= smallest[size] && code <= 0x10FFFF && !is_half ? size : 0;
}

TEST(JsonStrings, OnlyWellFormedUtf8IsTaken) {
  const std::string others = "\x7F\x80\x8F\x90\x9F\xA0\xBF\xC0"s;
  for (int first = 0x80; first < 256; ++first) {
    for (std::size_t others_taken = 0; others_taken < 8 * 8 * 8; ++others_taken) {
      const std::string bytes{static_cast<char>(first), others[others_taken / 64],
                              others[others_taken / 8 % 8], others[others_taken % 8]};
      for (std::size_t size = 1; size <= 4; ++size) {
        ASSERT_EQ(utf8_size(bytes.data(), bytes.data() + size),
                  utf8_size_by_definition(std::string_view(bytes).substr(0, size)))
            << ::testing::PrintToString(bytes.substr(0, size));
      }
    }
  }
}

TEST(JsonStrings, WhatIsNotUtf8IsRefusedInStringsAndKeys) {
  for (const char* good : {"\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
                           "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "\x7F"}) {
    EXPECT_EQ(meaning_of_string("a"s + good + "z"), "a"s + good + "z");
  }
  for (const char* bad : {"\x80",
                          "\xBF",
                          "\xC0\x80",
                          "\xC1\xBF",
                          "\xC3",
                          "\xC3(",
                          "\xE0\x80\x80",
                          "\xE0\x9F\xBF",
                          "\xE2\x82",
                          "\xE2\x28\xA1",
                          "\xED\xA0\x80",
                          "\xED\xBF\xBF",
                          "\xED\xA0\xBD\xED\xB8\x80",
                          "\xF0\x80\x80\x80",
                          "\xF0\x8F\xBF\xBF",
                          "\xF0\x9F\x98",
                          "\xF4\x90\x80\x80",
                          "\xF5\x80\x80\x80",
                          "\xF8\x88\x80\x80\x80",
                          "\xFE",
                          "\xFF"}) {
    EXPECT_EQ(meaning_of_string(bad), std::nullopt) << ::testing::PrintToString(bad);
    EXPECT_EQ(meaning_of_string("a"s + bad + "z"), std::nullopt) << ::testing::PrintToString(bad);
    nlohmann::json document;
    const std::string object = "{\""s + bad + "\":1}";
    EXPECT_EQ(test::read_document(object, document), test::JsonReading::no_json);
  }
}

TEST(JsonStrings, AreWrittenAsNlohmannWritesThem) {
  std::string all;
  for (char c = 0; c < 0x7F; ++c) all += c;
  all += "\x7Fä€😀\xE2\x80\xA8";
  for (const std::string& text : {""s, "plain"s, all, all + all, "\"\\/\b\f\n\r\t\0\x1F"s}) {
    EXPECT_EQ(written_string(text), nlohmann::json(text).dump());
    std::string json = "before ";
    append_any_json_string(json, text);
    EXPECT_EQ(json, "before " + written_string(text));
  }
}

TEST(JsonStrings, BytesThatAreNotUtf8AreRefusedByWhereTheyAre) {
  for (const auto& [text, where] : std::vector<std::pair<const char*, const char*>>{
           {"\xC3", "byte 0xc3 at index 0"},
           {"abc\xFFz", "byte 0xff at index 3"},
           {"ä\n\xED\xA0\x80", "byte 0xed at index 3"}}) {
    try {
      written_string(text);
      ADD_FAILURE() << where;
    } catch (const std::domain_error& error) {
      EXPECT_NE(std::string(error.what()).find(where), std::string::npos) << error.what();
    }
  }
}

TEST(JsonStrings, BytesThatAreNotUtf8CanBeReplaced) {
  for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{
           {"\xFF", replacement_character},
           {"caf\xE9", "caf" + replacement_character},
           {"\xC3(\n", replacement_character + "(\\n"},
           {"ä\x80€", "ä" + replacement_character + "€"},
           {"\xED\xA0\x80",
            replacement_character + replacement_character + replacement_character}}) {
    std::string json;
    append_any_json_string(json, text);
    EXPECT_EQ(json, "\"" + expected + "\"");
  }
}

// Else what comes behind a large text would copy it once more.
TEST(JsonStrings, ThereIsRoomForWhatFollowsALargeOne) {
  std::string json = "{\"a\":";
  append_json_string(json, std::string(100'000, 'x'));
  const char* const place = json.data();
  json += R"(,"number":12345678901234567890,"flag":false}})";
  EXPECT_EQ(json.data(), place);
  EXPECT_LT(json.capacity(), 101'000U);
}

TEST(JsonBytes, TheFirstSpecialOneIsFoundAnywhere) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool stands_for_itself = byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
    for (std::size_t size = 1; size <= 161; size += size < 26 ? 1 : 15) {
      for (std::size_t at = 0; at < size; ++at) {
        std::string text(size, 'x');
        text[at] = c;
        const char* const end = text.data() + size;
        for (const auto find : {find_special, find_special_by_words, find_special_in_blocks}) {
          ASSERT_EQ(find(text.data(), end), stands_for_itself ? end : text.data() + at)
              << byte << " at " << at << " of " << size;
        }
        ASSERT_EQ(needs_no_escapes(text), stands_for_itself);
      }
    }
  }
  EXPECT_TRUE(needs_no_escapes({}));
}

// Several are looked at in one step, so that one may disturb another.
TEST(JsonBytes, TheFirstSpecialOneIsFoundAmongOthers) {
  test::RandomJson random(7);
  const std::string bytes = "\0\x1F\x20\x21\"#[\\]\x7F\x80\xA0\xFF"s;
  for (int i = 0; i < 50000; ++i) {
    std::string text(random.below(i % 2 == 0 ? 24 : 200), 'x');
    const std::size_t rareness = i % 2 == 0 ? 4 : 40;
    for (char& c : text) {
      if (random.below(rareness) == 0) c = bytes[random.below(bytes.size())];
    }
    const std::size_t first = text.find_first_of("\0\x1F\"\\\x80\xA0\xFF"s);
    for (const auto find : {find_special, find_special_by_words, find_special_in_blocks}) {
      const auto found =
          static_cast<std::size_t>(find(text.data(), text.data() + text.size()) - text.data());
      ASSERT_EQ(found, std::min(first, text.size())) << ::testing::PrintToString(text);
    }
  }
}

}  // namespace
}  // namespace mesh::wire
