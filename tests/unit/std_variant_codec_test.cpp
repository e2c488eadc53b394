#include <mesh/codec/std.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <mesh/bytes.hpp>

#include "codec_round_trip.hpp"

namespace mesh::std_variant_tests {

enum class CircleKind { circle };
enum class SquareKind { square };
enum class Level { low, high };

}  // namespace mesh::std_variant_tests

template <>
struct mesh::EnumNames<mesh::std_variant_tests::CircleKind> {
  using Kind = mesh::std_variant_tests::CircleKind;
  static constexpr std::pair<Kind, std::string_view> names[] = {{Kind::circle, "circle"}};
};
template <>
struct mesh::EnumNames<mesh::std_variant_tests::SquareKind> {
  using Kind = mesh::std_variant_tests::SquareKind;
  static constexpr std::pair<Kind, std::string_view> names[] = {{Kind::square, "square"}};
};
template <>
struct mesh::EnumNames<mesh::std_variant_tests::Level> {
  using Value = mesh::std_variant_tests::Level;
  static constexpr std::pair<Value, std::string_view> names[] = {{Value::low, "low"},
                                                                 {Value::high, "high"}};
};

namespace mesh::std_variant_tests {

using codec_tests::decode_fault;
using codec_tests::decoded;
using codec_tests::encode_fault;
using codec_tests::encoded;
using codec_tests::expect_same;
using codec_tests::names;

struct Circle {
  CircleKind kind{};
  double size = 0;
  friend bool operator==(const Circle&, const Circle&) = default;
};
MESH_JSON_FIELDS(Circle, kind, size)

struct Square {
  SquareKind kind{};
  double size = 0;
  friend bool operator==(const Square&, const Square&) = default;
};
MESH_JSON_FIELDS(Square, kind, size)

using Shape = std::variant<Circle, Square>;

struct Id {
  int id = 0;
  friend bool operator==(const Id&, const Id&) = default;
};
MESH_JSON_FIELDS(Id, id)

struct Person {
  int id = 0;
  std::string name;
  std::optional<int> age;
  friend bool operator==(const Person&, const Person&) = default;
};
MESH_JSON_FIELDS(Person, id, name, age)

struct Padded {
  int id = 0;
  int padding = 0;
  friend bool operator==(const Padded&, const Padded&) = default;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Padded, id, padding)

struct Wide {
  double id = 0;
  friend bool operator==(const Wide&, const Wide&) = default;
};
MESH_JSON_FIELDS(Wide, id)

struct Drawing {
  std::string name;
  std::vector<Shape> shapes;
  std::variant<std::monostate, std::int64_t, double, std::string> tag;
  friend bool operator==(const Drawing&, const Drawing&) = default;
};
MESH_JSON_FIELDS(Drawing, name, shapes, tag)

struct Tree {
  std::string name;
  std::vector<std::variant<int, Tree>> branches;
  friend bool operator==(const Tree&, const Tree&) = default;
};
MESH_JSON_FIELDS(Tree, name, branches)

struct Clumsy {
  Clumsy() { throw std::runtime_error("dropped"); }
  Clumsy(const Clumsy&) {}  // NOLINT(modernize-use-equals-default): that one could not throw
  Clumsy& operator=(const Clumsy&) = default;
};
inline void to_json(nlohmann::json&, const Clumsy&) {}
inline void from_json(const nlohmann::json&, Clumsy&) {}

class Token {
 public:
  explicit Token(std::string text) : text_(std::make_unique<std::string>(std::move(text))) {}
  const std::string& text() const { return *text_; }

 private:
  std::unique_ptr<std::string> text_;
};

}  // namespace mesh::std_variant_tests

template <>
struct nlohmann::adl_serializer<mesh::std_variant_tests::Token> {
  static void to_json(json& document, const mesh::std_variant_tests::Token& token) {
    document = token.text();
  }
  static mesh::std_variant_tests::Token from_json(const json& document) {
    return mesh::std_variant_tests::Token(document.get<std::string>());
  }
};

namespace mesh::std_variant_tests {
namespace {

template <typename Variant>
std::size_t chosen(std::string_view json) {
  return decoded<Variant>(json).index();
}

TEST(StdCodecVariant, IsTheAlternativeAlone) {
  using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string,
                             std::vector<int>, Person>;
  expect_same(Value(), "null");
  expect_same(Value(true), "true");
  expect_same(Value(std::int64_t{-5}), "-5");
  expect_same(Value(0.5), "0.5");
  expect_same(Value(2.0), "2.0");
  expect_same(Value("text"), R"("text")");
  expect_same(Value(std::vector{1, 2}), "[1,2]");
  expect_same(Value(Person{1, "a", {}}), R"({"id":1,"name":"a"})");
}

TEST(StdCodecVariant, OrderOfTheAlternativesDoesNotMatterWhereTheKindDiffers) {
  using Value = std::variant<Person, std::string, double, std::int64_t, bool, std::monostate>;
  expect_same(Value(), R"({"id":0,"name":""})");
  expect_same(Value(std::monostate()), "null");
  expect_same(Value(true), "true");
  expect_same(Value(std::int64_t{5}), "5");
  expect_same(Value(5.0), "5.0");
  expect_same(Value("5"), R"("5")");
}

TEST(StdCodecVariant, NumberGoesWhereItLosesNothing) {
  using Small = std::variant<std::int8_t, std::uint64_t, double>;
  EXPECT_EQ(chosen<Small>("127"), 0U);
  EXPECT_EQ(chosen<Small>("128"), 1U);
  EXPECT_EQ(chosen<Small>("-129"), 2U);
  EXPECT_EQ(chosen<Small>("18446744073709551615"), 1U);
  EXPECT_EQ(chosen<Small>("18446744073709551616"), 2U);
  EXPECT_EQ(chosen<Small>("1.5"), 2U);
  EXPECT_EQ((chosen<std::variant<float, double>>("0.5")), 0U);
  EXPECT_EQ((chosen<std::variant<float, double>>("0.1")), 1U);
  EXPECT_EQ((chosen<std::variant<std::string, double>>("7")), 1U);
  EXPECT_EQ((chosen<std::variant<std::string, int>>("7.0")), 1U);
}

TEST(StdCodecVariant, LargeFractionsGoIntoFloats) {
  using Number = std::variant<std::int64_t, double>;
  expect_same(Number(3000000000.5), "3000000000.5");
  EXPECT_EQ(decoded<Number>("1e300"), Number(1e300));
  EXPECT_EQ(decoded<Number>("-1e300"), Number(-1e300));
  EXPECT_EQ(decoded<std::vector<Number>>("[1e300,5]"), (std::vector<Number>{1e300, 5}));
  using Struct = std::variant<Id, Wide>;
  EXPECT_EQ(decoded<Struct>(R"({"id":1e300})"), Struct(Wide{1e300}));
  EXPECT_EQ(decoded<Struct>(R"({"id":1})"), Struct(Id{1}));
}

TEST(StdCodecVariant, LargeFractionsAreStillRefusedWhereOnlyIntegersAre) {
  using Number = std::variant<std::int64_t, std::string>;
  EXPECT_EQ(decode_fault<Number>("1e300").path, "");
  EXPECT_EQ(decode_fault<std::vector<Number>>("[5,1e300]").path, "/1");
  EXPECT_EQ(decode_fault<std::vector<int>>("[5,1e300]").path, "/1");
  using Pair = std::pair<std::variant<std::int64_t, double>, int>;
  EXPECT_EQ(decode_fault<Pair>("[1e300,1e300]").path, "/1");
}

TEST(StdCodecVariant, StructThatKeepsMostIsTaken) {
  using Either = std::variant<Id, Person>;
  EXPECT_EQ(decoded<Either>(R"({"id":1,"name":"a"})"), Either(Person{1, "a", {}}));
  EXPECT_EQ(decoded<Either>(R"({"id":1,"name":"a","age":null})"), Either(Person{1, "a", {}}));
  EXPECT_EQ(decoded<Either>(R"({"id":1,"name":"a","new":[1,2]})"), Either(Person{1, "a", {}}));
  EXPECT_EQ(decoded<Either>(R"({"id":1})"), Either(Id{1}));
  EXPECT_EQ(decoded<Either>(R"({"id":1,"new":[1,2]})"), Either(Id{1}));
}

TEST(StdCodecVariant, StructThatAddsLeastIsTakenAmongEquals) {
  using Either = std::variant<Padded, Id>;
  EXPECT_EQ(decoded<Either>(R"({"id":1})"), Either(Id{1}));
  EXPECT_EQ(decoded<Either>(R"({"id":1,"padding":0})"), Either(Padded{1, 0}));
}

TEST(StdCodecVariant, ListsAreComparedElementByElement) {
  using Lists = std::variant<std::vector<int>, std::vector<double>>;
  EXPECT_EQ(chosen<Lists>("[1,2,3]"), 0U);
  EXPECT_EQ(chosen<Lists>("[1,1,1,1,2.5]"), 1U);
  EXPECT_EQ(chosen<Lists>("[]"), 0U);
}

TEST(StdCodecVariant, AlternativesThatLookAlikeComeBackAsTheFirst) {
  using Twice = std::variant<int, int>;
  EXPECT_EQ(chosen<Twice>(encoded(Twice(std::in_place_index<1>, 5))), 0U);
  using Overlapping = std::variant<int, std::int64_t>;
  EXPECT_EQ(chosen<Overlapping>(encoded(Overlapping(std::int64_t{5}))), 0U);
}

TEST(StdCodecVariant, KindsTellStructsApart) {
  expect_same(Shape(Circle{{}, 1.5}), R"({"kind":"circle","size":1.5})");
  expect_same(Shape(Square{{}, 1.5}), R"({"kind":"square","size":1.5})");
  const auto fault = decode_fault<Shape>(R"({"kind":"triangle","size":1})");
  EXPECT_EQ(fault.path, "");
  EXPECT_TRUE(names(fault, R"("triangle" is none of "circle")")) << fault.cause;
  EXPECT_TRUE(names(fault, R"("triangle" is none of "square")")) << fault.cause;
}

TEST(StdCodecVariant, UnknownNamesOfEnumsCanBeKeptAsTexts) {
  using Tolerant = std::variant<Level, std::string>;
  expect_same(Tolerant(Level::high), R"("high")");
  expect_same(Tolerant("extreme"), R"("extreme")");
}

TEST(StdCodecVariant, WorksAsMember) {
  expect_same(Drawing{"d", {Circle{{}, 1}, Square{{}, 2}}, {}},
              R"({"name":"d","shapes":[{"kind":"circle","size":1.0},)"
              R"({"kind":"square","size":2.0}],"tag":null})");
  expect_same(Drawing{"d", {}, "x"}, R"({"name":"d","shapes":[],"tag":"x"})");
  expect_same(std::optional<Shape>(), "null");
}

TEST(StdCodecVariant, MayContainItself) {
  expect_same(Tree{"a", {1, Tree{"b", {2}}}},
              R"({"branches":[1,{"branches":[2],"name":"b"}],"name":"a"})");
}

struct Unknown {};
static_assert(!detail::Payload<std::variant<int, Unknown>>);
static_assert(detail::ReadsOptional<nlohmann::json> || !detail::Payload<std::optional<Unknown>>);

TEST(StdCodecVariant, FaultsNameTheField) {
  const std::string begin = R"({"name":"d","tag":null,"shapes":[{"kind":"circle","size":1},)";
  EXPECT_EQ(decode_fault<Drawing>(begin + R"({"kind":"circle"}]})").path, "/shapes/1");
  EXPECT_EQ(decode_fault<Drawing>(R"({"name":"d","shapes":[],"tag":[]})").path, "/tag");
  EXPECT_EQ(decode_fault<Drawing>(R"({"name":"d","shapes":[]})").path, "/tag");
}

TEST(StdCodecVariant, ComplaintNamesWhatEachAlternativeMisses) {
  EXPECT_EQ((decode_fault<std::variant<std::monostate, int, Person>>(R"({"id":1})").cause),
            "no alternative of the variant fits: type must be null, but is object; type must be "
            "number, but is object; key 'name' not found");
  const auto fault = decode_fault<std::variant<Level, Id>>('"' + std::string(9999, 'x') + '"');
  EXPECT_LT(fault.cause.size(), 400U) << fault.cause;
  using Same = std::variant<int, int, int, int, int, int, int, int, int, int>;
  EXPECT_TRUE(names(decode_fault<Same>("{}"), "and 2 more"));
}

TEST(StdCodecVariant, AnythingGoesIntoAnAlternativeForAnything) {
  using Value = std::variant<int, nlohmann::json>;
  EXPECT_EQ(chosen<Value>("5"), 0U);
  EXPECT_EQ(chosen<Value>("5.5"), 1U);
  EXPECT_EQ(chosen<Value>("null"), 1U);
  EXPECT_EQ(encoded(Value(nlohmann::json::array({1, "a"}))), R"([1,"a"])");
}

TEST(StdCodecVariant, BytesAndTextsOverlap) {
  using Value = std::variant<Bytes, std::string>;
  EXPECT_EQ(chosen<Value>(R"("AAEC")"), 0U);
  EXPECT_EQ(chosen<Value>(R"("no Base64!")"), 1U);
}

TEST(StdCodecVariant, AlternativesNeedNeitherDefaultConstructorNorCopy) {
  using Value = std::variant<Token, int>;
  EXPECT_EQ(std::get<Token>(decoded<Value>(R"("abc")")).text(), "abc");
  EXPECT_EQ(encoded(Value(Token("abc"))), R"("abc")");
  EXPECT_EQ(std::get<int>(decoded<std::vector<Value>>("[5]").at(0)), 5);
}

TEST(StdCodecVariant, WithoutValueCannotBeWritten) {
  std::variant<int, Clumsy> value;
  EXPECT_THROW(value.emplace<1>(), std::runtime_error);
  ASSERT_TRUE(value.valueless_by_exception());
  EXPECT_TRUE(names(encode_fault(value), "lost its value"));
}

}  // namespace
}  // namespace mesh::std_variant_tests
