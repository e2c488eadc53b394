#include <mesh/codec/std.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec_round_trip.hpp"

namespace mesh::std_codec_tests {

enum class Color : std::uint8_t { red = 1, green = 2, grey = 3 };
enum class Many { any };

}  // namespace mesh::std_codec_tests

template <>
struct mesh::EnumNames<mesh::std_codec_tests::Color> {
  using enum mesh::std_codec_tests::Color;
  static constexpr std::pair<mesh::std_codec_tests::Color, std::string_view> names[] = {
      {red, "red"}, {green, "gr\u00fcn"}, {grey, "grey"}, {grey, "gray"}};
};

template <>
struct mesh::EnumNames<mesh::std_codec_tests::Many> {
  static constexpr auto names = [] {
    constexpr std::string_view text = "abcdefghijklmnopqrstuvwxyz";
    std::array<std::pair<mesh::std_codec_tests::Many, std::string_view>, text.size()> all;
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i] = {static_cast<mesh::std_codec_tests::Many>(i), text.substr(i, 1)};
    }
    return all;
  }();
};

namespace mesh::std_codec_tests {

using codec_tests::decode_fault;
using codec_tests::decoded;
using codec_tests::encode_fault;
using codec_tests::encoded;
using codec_tests::expect_same;
using codec_tests::names;

struct Paint {
  Color base = Color::red;
  Color top = Color::red;
  std::optional<Color> gloss;

  friend bool operator==(const Paint&, const Paint&) = default;
};
MESH_JSON_FIELDS(Paint, base, top, gloss)

struct Price {
  double amount = 0;
  std::string currency;
  std::optional<std::string> note;

  friend bool operator==(const Price&, const Price&) = default;
};
MESH_JSON_FIELDS(Price, amount, currency, note)

struct Offer {
  Price old;
  std::optional<Price> now;
  std::vector<Price> others;

  friend bool operator==(const Offer&, const Offer&) = default;
};
MESH_JSON_FIELDS(Offer, old, now, others)

struct Nothing {
  friend bool operator==(const Nothing&, const Nothing&) = default;
};
MESH_JSON_FIELDS(Nothing)

struct OnlyOptional {
  std::optional<int> limit = 10;
  std::optional<int> offset;

  friend bool operator==(const OnlyOptional&, const OnlyOptional&) = default;
};
MESH_JSON_FIELDS(OnlyOptional, limit, offset)

struct WithPlainMacro {
  std::optional<int> number;

  friend bool operator==(const WithPlainMacro&, const WithPlainMacro&) = default;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(WithPlainMacro, number)

/// Can be made only of its number, and not copied.
class Ticket {
 public:
  explicit Ticket(int number) : number_(std::make_unique<int>(number)) {}
  int number() const { return *number_; }

 private:
  std::unique_ptr<int> number_;
};

struct Place {
  std::filesystem::path path;

  friend bool operator==(const Place&, const Place&) = default;
};
MESH_JSON_FIELDS(Place, path)

}  // namespace mesh::std_codec_tests

template <>
struct nlohmann::adl_serializer<mesh::std_codec_tests::Ticket> {
  static void to_json(json& document, const mesh::std_codec_tests::Ticket& ticket) {
    document = ticket.number();
  }
  static mesh::std_codec_tests::Ticket from_json(const json& document) {
    return mesh::std_codec_tests::Ticket(document.get<int>());
  }
};

namespace mesh::std_codec_tests {

struct Journey {
  std::optional<Ticket> ticket;
  Ticket spare{0};
  int seats[2] = {0, 0};
};
MESH_JSON_FIELDS(Journey, ticket, spare, seats)

namespace {

TEST(StdCodecOptional, IsNullOrTheValue) {
  expect_same(std::optional<int>(), "null");
  expect_same(std::optional<int>(7), "7");
  expect_same(std::optional<std::string>(""), R"("")");
  const std::vector<std::optional<int>> list{1, std::nullopt, 3};
  expect_same(list, "[1,null,3]");
  expect_same(std::optional(list), "[1,null,3]");
  expect_same(std::map<std::string, std::optional<bool>>{{"a", false}, {"b", std::nullopt}},
              R"({"a":false,"b":null})");
}

TEST(StdCodecOptional, RefusesWhatTheValueRefuses) {
  EXPECT_EQ(decode_fault<std::optional<int>>(R"("7")").path, "");
  EXPECT_EQ(decode_fault<std::vector<std::optional<int>>>(R"([null,1,"x"])").path, "/2");
}

TEST(StdCodecOptional, NeedsNeitherDefaultConstructorNorCopy) {
  EXPECT_EQ(decoded<std::optional<Ticket>>("5")->number(), 5);
  EXPECT_FALSE(decoded<std::optional<Ticket>>("null"));
  EXPECT_EQ(encoded(std::optional<Ticket>(5)), "5");
}

TEST(StdCodecOptional, WorksInStructsOfTheMacrosOfNlohmann) {
  expect_same(WithPlainMacro{5}, R"({"number":5})");
  expect_same(WithPlainMacro{}, R"({"number":null})");
  EXPECT_EQ(decode_fault<WithPlainMacro>("{}").path, "/number");
}

TEST(StdCodecFields, MissingOptionalIsEmpty) {
  EXPECT_EQ(decoded<Price>(R"({"amount":2.5,"currency":"EUR"})"), (Price{2.5, "EUR", {}}));
  EXPECT_EQ(decoded<Price>(R"({"amount":2.5,"currency":"EUR","note":null})"),
            (Price{2.5, "EUR", {}}));
  expect_same(Price{2.5, "EUR", "net"}, R"({"amount":2.5,"currency":"EUR","note":"net"})");
}

TEST(StdCodecFields, EmptyOptionalIsLeftOut) {
  expect_same(Price{2.5, "EUR", {}}, R"({"amount":2.5,"currency":"EUR"})");
  expect_same(OnlyOptional{{}, {}}, "{}");
}

TEST(StdCodecFields, MissingOptionalIsEmptyEvenIfItHasAnotherDefault) {
  EXPECT_EQ(decoded<OnlyOptional>("{}"), (OnlyOptional{{}, {}}));
  EXPECT_EQ(decoded<OnlyOptional>(R"({"offset":3})"), (OnlyOptional{{}, 3}));
}

TEST(StdCodecFields, AnyOtherMissingFieldIsNamed) {
  const auto fault = decode_fault<Price>(R"({"currency":"EUR"})");
  EXPECT_EQ(fault.path, "/amount");
  EXPECT_EQ(fault.cause, "key 'amount' not found");
  const std::string good = R"({"amount":1,"currency":"EUR"})";
  EXPECT_EQ(decode_fault<Offer>(R"({"old":)" + good + R"(,"now":{"amount":1},"others":[]})").path,
            "/now/currency");
  EXPECT_EQ(decode_fault<Offer>(R"({"old":)" + good + R"(,"others":[)" + good + R"(,{}]})").path,
            "/others/1/amount");
  EXPECT_EQ(decode_fault<Paint>(R"({"base":"red"})").path, "/top");
}

TEST(StdCodecFields, MissingFieldIsTheErrorOfNlohmannToOthers) {
  EXPECT_THROW(nlohmann::json::parse(R"({"currency":"EUR"})").get<Price>(),
               nlohmann::json::out_of_range);
}

TEST(StdCodecFields, UnknownFieldsAreIgnored) {
  EXPECT_EQ(decoded<Price>(R"({"amount":1,"currency":"EUR","since":[2020]})"),
            (Price{1, "EUR", {}}));
}

TEST(StdCodecFields, OnlyAnObjectWillDo) {
  for (const char* text : {"null", "[]", "5", R"("x")", "true"}) {
    EXPECT_TRUE(names(decode_fault<Nothing>(text), "type must be object, but is ")) << text;
    EXPECT_TRUE(names(decode_fault<OnlyOptional>(text), "type must be object")) << text;
    EXPECT_TRUE(names(decode_fault<Price>(text), "type must be object")) << text;
  }
  const auto fault = decode_fault<Offer>(R"({"old":[],"others":[]})");
  EXPECT_EQ(fault.path, "/old");
  EXPECT_EQ(fault.cause, "type must be object, but is array");
}

TEST(StdCodecFields, StructWithoutFieldsIsAnEmptyObject) {
  expect_same(Nothing{}, "{}");
  EXPECT_EQ(decoded<Nothing>(R"({"a":1})"), Nothing{});
}

TEST(StdCodecFields, NestedStructsComeThrough) {
  expect_same(Offer{{1, "EUR", {}}, Price{0.5, "EUR", "sale"}, {{2, "USD", {}}}},
              R"({"now":{"amount":0.5,"currency":"EUR","note":"sale"},)"
              R"("old":{"amount":1.0,"currency":"EUR"},)"
              R"("others":[{"amount":2.0,"currency":"USD"}]})");
}

TEST(StdCodecFields, FieldsNeedNeitherDefaultConstructorNorAssignment) {
  Journey journey;
  journey.ticket.emplace(4);
  journey.seats[1] = 9;
  EXPECT_EQ(encoded(journey), R"({"seats":[0,9],"spare":0,"ticket":4})");
  const auto read = decoded<Journey>(R"({"seats":[1,2],"spare":6,"ticket":4})");
  EXPECT_EQ(read.ticket->number(), 4);
  EXPECT_EQ(read.spare.number(), 6);
  EXPECT_EQ(read.seats[1], 2);
}

TEST(StdCodecEnum, IsItsName) {
  expect_same(Color::red, R"("red")");
  expect_same(Color::green, "\"gr\u00fcn\"");
  expect_same(std::vector{Color::red, Color::grey}, R"(["red","grey"])");
  expect_same(Paint{Color::green, Color::grey, Color::red},
              "{\"base\":\"gr\u00fcn\",\"gloss\":\"red\",\"top\":\"grey\"}");
}

TEST(StdCodecEnum, FurtherNamesAreRead) {
  EXPECT_EQ(decoded<Color>(R"("gray")"), Color::grey);
  EXPECT_EQ(encoded(Color::grey), R"("grey")");
}

TEST(StdCodecEnum, UnknownNameIsRefusedAndNamesAreListed) {
  const auto fault = decode_fault<Color>(R"("purple")");
  EXPECT_EQ(fault.path, "");
  EXPECT_EQ(fault.cause, "\"purple\" is none of \"red\", \"gr\u00fcn\", \"grey\", \"gray\"");
  EXPECT_TRUE(names(decode_fault<Color>(R"("")"), R"("" is none of "red")"));
  EXPECT_TRUE(names(decode_fault<Color>(R"("Red")"), R"("Red" is none of)"));
}

TEST(StdCodecEnum, UnknownNameIsFoundAmongGoodOnes) {
  EXPECT_EQ(decode_fault<Paint>(R"({"base":"red","top":"blue"})").path, "/top");
  EXPECT_EQ(decode_fault<Paint>(R"({"base":"red","top":""})").path, "/top");
  EXPECT_EQ(decode_fault<Paint>(R"({"base":"red","gloss":"","top":"red"})").path, "/gloss");
  EXPECT_EQ(decode_fault<std::vector<Paint>>(R"([{"base":"red","top":"red"},{"base":7}])").path,
            "/1/base");
  EXPECT_EQ((decode_fault<std::map<std::string, Color>>(R"({"a":"red","b/c":"x"})").path), "/b~1c");
}

TEST(StdCodecEnum, OnlyAStringWillDo) {
  for (const char* text : {"1", "1.5", "null", "true", "[]", "{}", R"(["red"])"}) {
    EXPECT_TRUE(names(decode_fault<Color>(text), "type must be string, but is ")) << text;
  }
}

TEST(StdCodecEnum, ValueWithoutNameIsRefusedWithItsField) {
  const auto fault = encode_fault(static_cast<Color>(9));
  EXPECT_EQ(fault.path, "");
  EXPECT_TRUE(names(fault, "value 9 has no name; known are \"red\"")) << fault.cause;
  EXPECT_EQ(encode_fault(Paint{Color::red, static_cast<Color>(0), {}}).path, "/top");
  EXPECT_EQ(encode_fault(Paint{Color::red, Color::red, static_cast<Color>(0)}).path, "/gloss");
}

TEST(StdCodecEnum, LongTextsAndLongListsAreCut) {
  const auto fault = decode_fault<Many>('"' + std::string(100'000, 'x') + '"');
  EXPECT_LT(fault.cause.size(), 300U);
  EXPECT_TRUE(names(fault, "and 14 more")) << fault.cause;
  std::string umlauts;
  for (int i = 0; i < 100; ++i) umlauts += "\u00fc";
  EXPECT_TRUE(names(decode_fault<Color>("\"x" + umlauts + '"'), "\u00fc...\" is none of"));
}

TEST(StdCodecPath, IsAString) {
  expect_same(std::filesystem::path("/var/lib/a b"), R"("/var/lib/a b")");
  expect_same(std::filesystem::path(), R"("")");
  expect_same(Place{"caf\u00e9/../x"}, "{\"path\":\"caf\u00e9/../x\"}");
  expect_same(std::optional<std::filesystem::path>("a"), R"("a")");
  EXPECT_EQ(decode_fault<Place>(R"({"path":5})").path, "/path");
}

TEST(StdCodecPath, NameThatIsNotUtf8IsRefusedWithItsField) {
  EXPECT_EQ(encode_fault(Place{"caf\xe9"}).path, "/path");
}

static_assert(detail::Payload<std::optional<Color>>);
static_assert(detail::Payload<std::optional<Ticket>>);

}  // namespace
}  // namespace mesh::std_codec_tests
