#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

namespace mesh::test {

/// Random texts that are JSON, nearly JSON, or pieces of it in any order. The same for each seed,
/// and short: many of them find more than long ones.
class RandomJson {
 public:
  explicit RandomJson(std::uint64_t seed) : state_(seed) { text_.reserve(4096); }

  /// Good until the next call.
  std::string_view next() {
    text_.clear();
    const std::size_t kind = below(16);
    if (kind == 0) {
      for (std::size_t i = below(12); i > 0; --i) text_ += any_piece();
      return text_;
    }
    add_document();
    // Half of them are left as they are.
    if (kind >= 8) {
      for (std::size_t i = 1 + below(below(3) == 0 ? 4 : 1); i > 0; --i) damage();
    }
    return text_;
  }

  /// Without damage, though it may have halves of surrogate pairs and numbers beyond any double.
  std::string_view next_document() {
    text_.clear();
    add_document();
    return text_;
  }

  std::size_t below(std::size_t limit) {
    return static_cast<std::size_t>(((bits() >> 32U) * limit) >> 32U);
  }

  /// SplitMix64.
  std::uint64_t bits() {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBU;
    return mixed ^ (mixed >> 31U);
  }

 private:
  template <typename List>
  std::string_view one_of(const List& list) {
    return list[below(std::size(list))];
  }

  std::string_view any_piece() {
    using namespace std::string_view_literals;
    static constexpr std::array pieces{
        "{"sv, "}"sv, "["sv, "]"sv, ","sv, ":"sv, "\""sv, "\\"sv, "/"sv, " "sv, "\n"sv, "\t"sv,
        "\r"sv, "0"sv, "1"sv, "-"sv, "."sv, "e"sv, "E"sv, "+"sv, "null"sv, "true"sv, "false"sv,
        "t"sv, "nul"sv, "\"a\""sv, "\"a\":"sv, "{}"sv, "[]"sv, "\\u"sv, "\\u12"sv, "\\ud83d"sv,
        "\\udE00"sv, "\\u0000"sv, "\\x"sv, "\\'"sv, "'"sv, "//"sv, "/**/"sv, "NaN"sv, "Infinity"sv,
        "1e999"sv, "-1e-999"sv, "01"sv, "\0"sv, "\x1F"sv, "\x7F"sv, "\v"sv, "\xA0"sv,
        // UTF-8, cut, too long, halves of surrogate pairs, beyond the last character.
        "\xC3\xA4"sv, "\xE2\x82\xAC"sv, "\xF0\x9F\x98\x80"sv, "\xC3"sv, "\xE2\x82"sv,
        "\xF0\x9F\x98"sv, "\x80"sv, "\xC0\x80"sv, "\xC1\xBF"sv, "\xE0\x80\x80"sv, "\xE0\x9F\xBF"sv,
        "\xF0\x80\x80\x80"sv, "\xF0\x8F\xBF\xBF"sv, "\xED\xA0\x80"sv, "\xED\xBF\xBF"sv,
        "\xF4\x90\x80\x80"sv, "\xF5\x80\x80\x80"sv, "\xFE"sv, "\xFF"sv, "\xEF\xBB\xBF"sv,
        "\xEF\xBB"sv, "\xE2\x80\xA8"sv};
    return one_of(pieces);
  }

  void add_document() {
    if (below(64) == 0) return add_deep_document();
    add_space();
    add_value(3);
    add_space();
  }

  /// Levels are counted in groups of 64.
  void add_deep_document() {
    const std::size_t depth = 50 + below(100);
    std::array<char, 150> closing{};
    for (std::size_t level = 0; level < depth; ++level) {
      const bool is_object = below(2) == 0;
      text_ += is_object ? "{\"\":" : "[";
      closing[level] = is_object ? '}' : ']';
      if (!is_object && below(16) == 0) text_ += "{},";
    }
    add_value(1);
    for (std::size_t level = depth; level > 0; --level) text_ += closing[level - 1];
  }

  void add_space() {
    static constexpr std::array<std::string_view, 6> spaces{" ", "\n", "\r\n", "\t", "  ", " \t\n"};
    if (below(8) == 0) text_ += one_of(spaces);
  }

  void add_value(int levels) {
    static constexpr std::array<std::string_view, 3> words{"null", "true", "false"};
    const std::size_t kind = below(levels > 0 ? 12 : 7);
    if (kind == 0) {
      text_ += one_of(words);
    } else if (kind <= 3) {
      add_number();
    } else if (kind <= 6) {
      add_string();
    } else if (kind <= 8) {
      add_list('[', ']', [&] { add_value(levels - 1); });
    } else {
      add_list('{', '}', [&] { add_member(levels - 1); });
    }
  }

  template <typename AddElement>
  void add_list(char begin, char end, AddElement add_element) {
    text_ += begin;
    add_space();
    for (std::size_t i = below(4); i > 0; --i) {
      add_element();
      add_space();
      if (i > 1) text_ += ',';
      add_space();
    }
    text_ += end;
  }

  void add_member(int levels) {
    static constexpr std::array<std::string_view, 4> keys{"\"a\"", "\"b\"", "\"\"", "\"\\u0061\""};
    if (below(2) == 0) {
      text_ += one_of(keys);  // which may be there already
    } else {
      add_string();
    }
    add_space();
    text_ += ':';
    add_space();
    add_value(levels);
  }

  void add_number() {
    static constexpr std::array<std::string_view, 40> special{"0",
                                                              "-0",
                                                              "-0.0",
                                                              "0e0",
                                                              "9223372036854775807",
                                                              "9223372036854775808",
                                                              "-9223372036854775808",
                                                              "-9223372036854775809",
                                                              "18446744073709551615",
                                                              "18446744073709551616",
                                                              "-18446744073709551615",
                                                              "9007199254740993",
                                                              "9007199254740993.0",
                                                              "9007199254740992.99999999999999999",
                                                              "123456789012345678901234567890",
                                                              "0.1",
                                                              "-1E+2",
                                                              "1e-7",
                                                              "1e308",
                                                              "1e309",
                                                              "-1e309",
                                                              "1.7976931348623157e308",
                                                              "1.7976931348623158e308",
                                                              "1.7976931348623159e308",
                                                              "179769313486231580793e289",
                                                              "4.9e-324",
                                                              "2.4703282292062327e-324",
                                                              "2.4703282292062328e-324",
                                                              "2.2250738585072011e-308",
                                                              "2.2250738585072014e-308",
                                                              "1e-999",
                                                              "-1e-999",
                                                              "1e999",
                                                              "0e999",
                                                              "1e9223372036854775807",
                                                              "1e9223372036854775808",
                                                              "0.01e-9223372036854775808",
                                                              "1e-99999999999999999999",
                                                              "-1e99999999999999999999",
                                                              "-0.0e99999999999999999999"};
    if (below(4) == 0) {
      text_ += one_of(special);
      return;
    }
    if (below(3) == 0) text_ += '-';
    if (below(4) == 0) {
      text_ += '0';
    } else {
      text_ += static_cast<char>('1' + below(9));
      add_digits(below(8) == 0 ? below(30) : below(4));
    }
    if (below(3) == 0) {
      text_ += '.';
      add_digits(1 + (below(8) == 0 ? below(25) : below(4)));
    }
    if (below(4) != 0) return;
    static constexpr std::array<std::string_view, 6> exponents{"e", "E", "e-", "E-", "e+", "E+"};
    text_ += one_of(exponents);
    add_digits(1 + below(3));
  }

  void add_digits(std::size_t count) {
    for (; count > 0; --count) text_ += static_cast<char>('0' + below(10));
  }

  void add_string() {
    text_ += '"';
    for (std::size_t i = below(5); i > 0; --i) add_characters();
    text_ += '"';
  }

  void add_characters() {
    static constexpr std::string_view plain = "Plain text, of [some] {length}: 'a/b' \x7f";
    static constexpr std::array<std::string_view, 8> escapes{R"(\")", R"(\\)", R"(\/)", R"(\b)",
                                                             R"(\f)", R"(\n)", R"(\r)", R"(\t)"};
    switch (below(8)) {
      case 0:
        text_ += one_of(escapes);
        return;
      case 1:
        return add_code(static_cast<std::uint32_t>(below(0x10000)));
      case 2:
        return add_code(static_cast<std::uint32_t>(below(0x300)));
      case 3:  // Pairs and halves.
        if (below(4) != 0) add_code(static_cast<std::uint32_t>(0xD800 + below(0x400)));
        if (below(4) != 0) add_code(static_cast<std::uint32_t>(0xDC00 + below(0x400)));
        return;
      case 4:
      case 5:
        return add_utf8();
      default: {
        const std::size_t begin = below(plain.size());
        text_ += plain.substr(begin, below(plain.size() - begin + 1));
      }
    }
  }

  void add_code(std::uint32_t code) {
    const std::string_view digits = below(2) == 0 ? "0123456789abcdef" : "0123456789ABCDEF";
    text_ += "\\u";
    for (const unsigned shift : {12U, 8U, 4U, 0U}) text_ += digits[(code >> shift) & 0xFU];
  }

  void add_utf8() {
    static constexpr std::array<std::string_view, 14> characters{
        "\xC2\x80",         "\xDF\xBF",        "\xC3\xA4",         "\xE0\xA0\x80",
        "\xE0\xBF\xBF",     "\xE2\x82\xAC",    "\xED\x80\x80",     "\xED\x9F\xBF",
        "\xEE\x80\x80",     "\xEF\xBF\xBF",    "\xF0\x90\x80\x80", "\xF0\x9F\x98\x80",
        "\xF4\x8F\xBF\xBF", "\xF3\xBF\xBF\xBF"};
    text_ += one_of(characters);
  }

  void damage() {
    const std::size_t at = below(text_.size() + 1);
    const std::size_t size = below(text_.size() - at + 1);
    switch (below(9)) {
      case 0:
      case 1:
        text_.insert(at, any_piece());
        return;
      case 2:
        text_.replace(at, at < text_.size() ? 1 : 0, any_piece());
        return;
      case 3:
        if (at < text_.size()) text_[at] = static_cast<char>(text_[at] ^ (1 << below(8)));
        return;
      case 4:
        if (at < text_.size()) text_[at] = static_cast<char>(below(256));
        return;
      case 5:
        text_.erase(at, 1 + below(3));
        return;
      case 6:
        text_.erase(at, size);
        return;
      case 7:
        text_.resize(at);
        return;
      default:  // A part of it once more, somewhere.
        part_.assign(text_, at, size);
        text_.insert(below(text_.size() + 1), part_);
    }
  }

  std::uint64_t state_;
  std::string text_;
  std::string part_;
};

}  // namespace mesh::test
