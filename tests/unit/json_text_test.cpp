#include <wire/json_text.hpp>

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>

namespace mesh::wire {
namespace {

using Json = nlohmann::json;

std::optional<Json> parse_plain(std::string_view text) {
  Json value;
  const std::size_t size = parse_plain_prefix(text, 1000, value);
  return size > 0 && size == text.size() ? std::optional(std::move(value)) : std::nullopt;
}

class JsonText : public ::testing::Test {
 protected:
  std::size_t below(std::size_t limit) { return random_() % limit; }

  std::uint64_t any_bits() { return random_(); }

  std::string any_string() {
    static const std::string pieces[] = {"a", "Z ", "~", "\x7f", "\"", "\\", "\n", "\xC3\xA4", "/"};
    std::string text(below(4) == 0 ? below(100) : 0, 'x');
    const bool is_plain = below(2) == 0;
    for (std::size_t i = below(5); i > 0; --i) text += pieces[below(is_plain ? 3 : 9)];
    return text;
  }

  Json any_value(int levels) {
    switch (below(levels > 0 ? 9 : 7)) {
      case 0:
        return nullptr;
      case 1:
        return below(2) == 0;
      case 2:
        return static_cast<std::uint64_t>(random_()) >> below(64);
      case 3:
        return -(static_cast<std::int64_t>(random_() >> 1U) >> below(63));
      case 4:
        return static_cast<double>(static_cast<std::int64_t>(random_())) / 3e9;
      case 5:
      case 6:
        return any_string();
      case 7: {
        Json array = Json::array();
        for (std::size_t i = below(4); i > 0; --i) array.push_back(any_value(levels - 1));
        return array;
      }
      default: {
        Json object = Json::object();
        for (std::size_t i = below(4); i > 0; --i) object[any_string()] = any_value(levels - 1);
        return object;
      }
    }
  }

  static bool is_same(const Json& left, const Json& right) {
    return left == right && left.type() == right.type() && left.dump() == right.dump();
  }

 private:
  std::mt19937_64 random_{20260102};
};

TEST_F(JsonText, IsWhatTheLibraryWrites) {
  for (int i = 0; i < 5000; ++i) {
    const Json value = any_value(4);
    EXPECT_EQ(to_json_text(value), value.dump());
  }
  for (const std::int64_t number : {std::numeric_limits<std::int64_t>::min(),
                                    std::numeric_limits<std::int64_t>::max(), std::int64_t{0}}) {
    EXPECT_EQ(to_json_text(number), Json(number).dump());
  }
  EXPECT_EQ(to_json_text(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(to_json_text(std::numeric_limits<double>::quiet_NaN()), "null");
}

TEST_F(JsonText, BadUtf8IsAnErrorAsInTheLibrary) {
  EXPECT_THROW(to_json_text("\xC3"), Json::type_error);
  EXPECT_THROW(to_json_text(Json{{"\xFF", 1}}), Json::type_error);
}

TEST_F(JsonText, UsualTextsAreParsedPlainly) {
  for (const char* text :
       {R"({"text":"hello","n":[1,-2,0,true,false,null],"o":{}})", "[]", "{}", "\"\"", "7", "-0.0",
        "[0.1,-1.5e300,2E-7,1e+2,5e-324]", "123456789012345678.25"}) {
    const auto parsed = parse_plain(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_TRUE(is_same(*parsed, Json::parse(text))) << text;
  }
}

TEST_F(JsonText, WhatIsParsedPlainlyIsWhatTheLibraryParses) {
  const std::string pieces = "{}[]\",:\\ 0-1e.tn\x01\xC3";
  int parsed_plainly = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text = any_value(4).dump();
    for (std::size_t changes = below(3); changes > 0; --changes) {
      const std::size_t at = below(text.size());
      if (below(2) == 0) {
        text.insert(at, 1, pieces[below(pieces.size())]);
      } else {
        text[at] = pieces[below(pieces.size())];
      }
    }
    const auto parsed = parse_plain(text);
    if (!parsed) continue;
    ++parsed_plainly;
    const Json expected = Json::parse(text, nullptr, false);
    ASSERT_FALSE(expected.is_discarded()) << text;
    EXPECT_TRUE(is_same(*parsed, expected)) << text;
  }
  EXPECT_GT(parsed_plainly, 2000);
}

TEST_F(JsonText, FractionsAreTheSameToTheLastBit) {
  int parsed_plainly = 0;
  for (int i = 0; i < 20000; ++i) {
    const double number = std::bit_cast<double>(any_bits());
    if (!std::isfinite(number)) continue;
    const std::string text = Json(number).dump();
    const auto parsed = parse_plain(text);
    if (!parsed) continue;
    ++parsed_plainly;
    EXPECT_TRUE(is_same(*parsed, Json::parse(text))) << text;
  }
  EXPECT_GT(parsed_plainly, 15000);
  for (const char* text : {"1.", ".5", "1e", "1e+", "-", "01.5", "1.5.2", "1e5e5", "1e999"}) {
    EXPECT_FALSE(parse_plain(text)) << text;
  }
}

TEST_F(JsonText, TheLastOfTwoEqualKeysCounts) {
  const char* const text = R"({"a":{"b":1},"a":[2]})";
  EXPECT_EQ(parse_plain(text), Json::parse(text));
}

TEST_F(JsonText, IsNotParsedPlainlyToAnyDepth) {
  EXPECT_TRUE(parse_plain(std::string(60, '[') + std::string(60, ']')));
  EXPECT_FALSE(parse_plain(std::string(100'000, '[') + std::string(100'000, ']')));
}

TEST_F(JsonText, WhatNeedsEscapesIsFoundAnywhere) {
  for (const char special : {'"', '\\', '\n', '\x7f', '\x80', '\0'}) {
    for (std::size_t at = 0; at < 100; ++at) {
      std::string text(100, 'x');
      EXPECT_TRUE(needs_no_escapes(text));
      text[at] = special;
      EXPECT_FALSE(needs_no_escapes(text)) << at;
    }
  }
}

}  // namespace
}  // namespace mesh::wire
