#include <mesh/codec/nlohmann.hpp>
#include <mesh/detail/payload.hpp>

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <mesh/errors.hpp>

namespace mesh::test::payload_types {

struct Item {
  std::string name;
  double price = 0;
  std::vector<int> sizes;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Item, name, price, sizes)

struct Order {
  int id = 0;
  bool paid = false;
  std::vector<Item> items;
  std::map<std::string, Item> extras;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Order, id, paid, items, extras)

struct Lenient {
  int number = 5;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Lenient, number)

struct Numbers {
  int narrow = 0;
  std::vector<std::map<std::string, std::vector<std::int64_t>>> wide;
  double real = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Numbers, narrow, wide, real)

struct Instant {
  double at = 0;
};
inline void to_json(nlohmann::json& document, const Instant& instant) {
  document["at"] = instant.at;
}
inline void from_json(const nlohmann::json& document, Instant& instant) {
  document.at("at").get_to(instant.at);
  if (instant.at < 1e12) throw std::domain_error("not in milliseconds");
}

struct Picky {
  int even = 0;
};
inline void to_json(nlohmann::json& document, const Picky& picky) { document["even"] = picky.even; }
inline void from_json(const nlohmann::json& document, Picky& picky) {
  document.at("even").get_to(picky.even);
  if (picky.even % 2 != 0) throw std::domain_error("even must be even");
}

}  // namespace mesh::test::payload_types

namespace mesh::detail {
namespace {

using test::payload_types::Instant;
using test::payload_types::Lenient;
using test::payload_types::Numbers;
using test::payload_types::Order;
using test::payload_types::Picky;

template <typename T>
Boxed<T> decode(const Json& document) {
  return decode_payload<T>("order", document.dump(), Executed::yes);
}

template <typename T>
std::string encode(const T& value) {
  std::string text;
  encode_payload<T>("order", value, text, Executed::no);
  return text;
}

Json order() {
  return Json::parse(R"({"id": 1, "paid": true,
    "items": [{"name": "a", "price": 1.5, "sizes": [1, 2]},
              {"name": "b", "price": 2, "sizes": []}],
    "extras": {"x/y": {"name": "c", "price": 3, "sizes": [4]}}})");
}

template <typename T>
std::optional<MeshDecodeError> decode_error(const Json& document) {
  try {
    static_cast<void>(decode<T>(document));
  } catch (const MeshDecodeError& error) {
    EXPECT_EQ(error.type(), "order");
    return error;
  }
  ADD_FAILURE() << "decoded: " << document.dump();
  return std::nullopt;
}

/// The field that is blamed when `place` of a good order is replaced.
std::string blamed(const std::string& place, const Json& value) {
  Json document = order();
  document[Json::json_pointer(place)] = value;
  const auto error = decode_error<Order>(document);
  return error ? error->path() : "(decoded)";
}

std::string blamed_when_missing(const std::string& parent, const std::string& key) {
  Json document = order();
  document[Json::json_pointer(parent)].erase(key);
  const auto error = decode_error<Order>(document);
  return error ? error->path() : "(decoded)";
}

TEST(DecodePayload, GoodDocumentsDecode) {
  const Order decoded = decode<Order>(order());
  EXPECT_EQ(decoded.items.at(1).name, "b");
  EXPECT_EQ(decoded.extras.at("x/y").sizes, std::vector<int>{4});
}

TEST(DecodePayload, UnknownFieldsAreIgnored) {
  Json document = order();
  document["more"] = 1;
  EXPECT_NO_THROW(static_cast<void>(decode<Order>(document)));
}

TEST(DecodePayload, MissingFieldsWithDefaultsKeepThem) {
  EXPECT_EQ(decode<Lenient>(Json::object()).number, 5);
}

std::string blamed_number(const std::string& number) {
  Json document = Json::parse(R"({"narrow": 1, "wide": [{"x/y": [2]}], "real": 3})");
  document["wide"][0]["x/y"][0] = Json::parse(number);
  const auto error = decode_error<Numbers>(document);
  return error ? std::string(error->what()) : "(decoded)";
}

TEST(DecodePayload, NumbersThatNoIntegerHoldsAreNotMadeIntoOne) {
  const std::string beyond = blamed_number("46750296991042923257");
  EXPECT_NE(beyond.find("field /wide/0/x~1y/0"), std::string::npos) << beyond;
  EXPECT_NE(beyond.find("an integer cannot hold 4.675"), std::string::npos) << beyond;
  EXPECT_NE(blamed_number("-1e300").find("/wide/0"), std::string::npos);
  EXPECT_NE(blamed_number("9223372036854775808.0").find("/wide/0"), std::string::npos);
  EXPECT_NE(blamed_number("5000000000.5").find("/wide/0"), std::string::npos);
}

TEST(DecodePayload, LargeFloatsThatAreWholeNumbersAreConvertedAsIntegersAre) {
  const Json document =
      Json::parse(R"({"narrow": 5e9, "wide": [{"x/y": [5e9, -2e18]}], "real": 5e9})");
  const auto numbers = decode<Numbers>(document);
  EXPECT_EQ(numbers.wide.at(0).at("x/y"),
            (std::vector<std::int64_t>{5'000'000'000, -2'000'000'000'000'000'000}));
  EXPECT_EQ(numbers.narrow, static_cast<int>(5'000'000'000));
  EXPECT_EQ(numbers.real, 5e9);
  EXPECT_EQ(decode<std::uint64_t>(Json::parse("-5e9")), static_cast<std::uint64_t>(-5'000'000'000));
}

TEST(DecodePayload, ChecksOfTheTypeSeeLargeFloatsAsLarge) {
  EXPECT_EQ(decode<Instant>(Json::parse(R"({"at": 1700000000000.25})")).at, 1700000000000.25);
  EXPECT_EQ(decode<Instant>(Json::parse(R"({"at": 1e18})")).at, 1e18);
}

TEST(DecodePayload, LargeFloatsFitFloats) {
  const Json document = Json::parse(R"({"narrow": 1, "wide": [], "real": 1e300, "other": 1e300})");
  EXPECT_EQ(decode<Numbers>(document).real, 1e300);
  EXPECT_EQ(decode<double>(Json::parse("123456789012345678901234")), 123456789012345678901234.0);
}

TEST(DecodePayload, OtherFaultsBesideLargeFloatsAreNamed) {
  const auto error = decode_error<Numbers>(
      Json::parse(R"({"narrow": "one", "wide": [{"x/y": [1e300]}], "real": 1e300})"));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->path(), "/narrow");
}

TEST(DecodePayload, VoidTakesAnything) {
  EXPECT_NO_THROW(static_cast<void>(decode<void>("anything")));
}

TEST(DecodePayload, WronglyTypedFieldsAreNamed) {
  EXPECT_EQ(blamed("/id", "one"), "/id");
  EXPECT_EQ(blamed("/id", nullptr), "/id");
  EXPECT_EQ(blamed("/paid", 1), "/paid");
  EXPECT_EQ(blamed("/items", "none"), "/items");
  EXPECT_EQ(blamed("/items/0/name", 7), "/items/0/name");
  EXPECT_EQ(blamed("/items/1/price", "cheap"), "/items/1/price");
  EXPECT_EQ(blamed("/items/0/sizes/1", "big"), "/items/0/sizes/1");
  EXPECT_EQ(blamed("/extras/x~1y", 5), "/extras");  // an empty map of extras would do
}

TEST(DecodePayload, NamesWithSlashesAreEscapedAsInAJsonPointer) {
  EXPECT_EQ(blamed("/extras/x~1y/price", "cheap"), "/extras/x~1y/price");
}

TEST(DecodePayload, MissingFieldsAreNamedWhereTheyBelong) {
  EXPECT_EQ(blamed_when_missing("", "id"), "/id");
  EXPECT_EQ(blamed_when_missing("/items/0", "name"), "/items/0/name");
  EXPECT_EQ(blamed_when_missing("/items/1", "sizes"), "/items/1/sizes");
  EXPECT_EQ(blamed_when_missing("/extras/x~1y", "price"), "/extras/x~1y/price");
}

TEST(DecodePayload, AWrongWholeValueHasAnEmptyPath) {
  for (const char* text : {"null", "1", R"("text")", "[1]"}) {
    const auto error = decode_error<Order>(Json::parse(text));
    ASSERT_TRUE(error);
    EXPECT_EQ(error->path(), "") << text;
  }
  EXPECT_EQ(decode_error<int>("text")->path(), "");
}

TEST(DecodePayload, TheTextTellsWhatWasWrongWithoutLibraryTags) {
  Json document = order();
  document["items"][1]["price"] = "cheap";
  const auto error = decode_error<Order>(document);
  ASSERT_TRUE(error);
  const std::string text = error->what();
  EXPECT_NE(text.find("order"), std::string::npos) << text;
  EXPECT_NE(text.find("/items/1/price"), std::string::npos) << text;
  EXPECT_NE(text.find("must be number"), std::string::npos) << text;
  EXPECT_EQ(text.find("json.exception"), std::string::npos) << text;
}

TEST(DecodePayload, TwoFaultsStillNameOneOfThem) {
  Json document = order();
  document["id"] = "one";
  document["items"][0]["name"] = 7;
  const auto error = decode_error<Order>(document);
  ASSERT_TRUE(error);
  EXPECT_TRUE(error->path() == "/id" || error->path() == "/items/0/name") << error->path();
}

TEST(DecodePayload, WhatConversionsThrowIsReported) {
  const auto error = decode_error<Picky>(Json{{"even", 3}});
  ASSERT_TRUE(error);
  EXPECT_EQ(error->path(), "/even");
  EXPECT_NE(std::string(error->what()).find("even must be even"), std::string::npos);
}

TEST(DecodePayload, ArraysOfAnotherLengthAreNamed) {
  const auto error = decode_error<std::array<int, 3>>(Json{1, 2});
  ASSERT_TRUE(error);
}

TEST(DecodePayload, LargeDocumentsAreBlamedInBoundedTime) {
  Json document = order();
  for (int i = 0; i < 20000; ++i) {
    document["items"].push_back({{"name", "n"}, {"price", 1}, {"sizes", {1}}});
  }
  document["items"].back()["price"] = "cheap";
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(decode_error<Order>(document));
  // Generous: it is to catch a search that grows with the square of the size.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST(EncodePayload, RoundTrips) { EXPECT_EQ(Json::parse(encode(decode<Order>(order()))), order()); }

TEST(EncodePayload, VoidIsNull) {
  std::string text = "x";
  encode_payload<void>("order", {}, text, Executed::no);
  EXPECT_EQ(text, "xnull");
}

TEST(EncodePayload, TextThatIsNotUtf8IsAnEncodeError) {
  try {
    encode(Json{{"name", "\xff"}});
    FAIL() << "encoded";
  } catch (const MeshEncodeError& error) {
    EXPECT_EQ(error.type(), "order");
    EXPECT_EQ(std::string(error.what()).find("json.exception"), std::string::npos) << error.what();
  }
}

/// The field that is named when this is encoded.
std::string unwritable(const Json& document, const std::string& cause) {
  try {
    encode(document);
  } catch (const MeshEncodeError& error) {
    EXPECT_EQ(error.type(), "order");
    const std::string what = error.what();
    EXPECT_NE(what.find(cause), std::string::npos) << what;
    EXPECT_NE(what.find(error.path()), std::string::npos) << what;
    return error.path();
  }
  return "(encoded)";
}

TEST(EncodePayload, NumbersThatJsonDoesNotHaveAreAnEncodeErrorThatNamesTheField) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(unwritable(infinity, "infinity"), "");
  EXPECT_EQ(unwritable(std::nan(""), "NaN"), "");
  Json document = order();
  document["items"][1]["price"] = std::nan("");
  EXPECT_EQ(unwritable(document, "NaN"), "/items/1/price");
  document = order();
  document["extras"]["x/y"]["price"] = -infinity;
  EXPECT_EQ(unwritable(document, "-infinity"), "/extras/x~1y/price");
  document = order();
  document["items"][0]["sizes"].push_back(Json::parse("[", nullptr, false));
  EXPECT_EQ(unwritable(document, "discarded"), "/items/0/sizes/2");
}

TEST(EncodePayload, TextThatIsNotUtf8IsNamed) {
  Json document = order();
  document["items"][1]["name"] = "caf\xe9";
  EXPECT_EQ(unwritable(document, "UTF-8"), "/items/1/name");
  document = order();
  document["extras"]["\xff"] = 1;
  EXPECT_EQ(unwritable(document, "UTF-8"), "/extras");
}

TEST(EncodePayload, LargeIntegersKeepEveryDigit) {
  EXPECT_EQ(encode(std::int64_t{9007199254740993}), "9007199254740993");
}

}  // namespace
}  // namespace mesh::detail
