#include <mesh/message_map.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <mesh/codec/nlohmann.hpp>
#include <mesh/detail/handler.hpp>
#include <mesh/detail/unsafe_temporary.hpp>
#include <mesh/mesh_service.hpp>

namespace mesh::test::message_map_types {

struct Point {
  int x = 0;
  int y = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Point, x, y)

struct WithText {
  std::string text;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(WithText, text)

}  // namespace mesh::test::message_map_types

namespace mesh {
namespace {

using test::message_map_types::Point;
using test::message_map_types::WithText;

class Opaque {};

using Map = MessageMap<Message<"one", Point, std::string>, Message<"two", void, void>,
                       Message<"three", nlohmann::json, std::vector<Point>>>;

static_assert(Message<"one", Point, std::string>::name == "one");
static_assert(std::is_same_v<Map::find<"one">, Message<"one", Point, std::string>>);
static_assert(std::is_same_v<Map::find<"two">::request_type, void>);
static_assert(std::is_same_v<Map::find<"three">::response_type, std::vector<Point>>);
static_assert(std::is_void_v<Map::find<"four">>);
static_assert(std::is_void_v<Map::find<"on">>);
static_assert(std::is_void_v<Map::find<"onee">>);
static_assert(std::is_void_v<MessageMap<>::find<"one">>);
static_assert(std::is_same_v<BroadcastMap<Broadcast<"b", Point>>::find<"b">::payload_type, Point>);

static_assert(detail::names_are_unique<>());
static_assert(detail::names_are_unique<Broadcast<"a", void>, Broadcast<"b", void>>());
static_assert(
    !detail::names_are_unique<Broadcast<"a", void>, Broadcast<"b", void>, Broadcast<"a", int>>());

static_assert(detail::Payload<void>);
static_assert(detail::Payload<int>);
static_assert(detail::Payload<Point>);
static_assert(detail::Payload<nlohmann::json>);
static_assert(detail::Payload<std::vector<std::string>>);
static_assert(!detail::Payload<Opaque>);

template <detail::FixedString Text>
constexpr std::string_view text_of{Text};
static_assert(text_of<"name"> == "name");
static_assert(text_of<"name">.size() == 4);
static_assert(text_of<"">.empty());

template <typename Function>
constexpr bool handles_one = detail::RequestFunction<Function, Point, std::string>;
static_assert(handles_one<std::string (*)(Point)>);
static_assert(handles_one<std::string (*)(const Point&)>);
static_assert(handles_one<const char* (*)(Point)>);
static_assert(handles_one<boost::asio::awaitable<std::string> (*)(Point)>);
static_assert(!handles_one<std::string (*)()>);
static_assert(!handles_one<std::string (*)(Opaque)>);
static_assert(!handles_one<Opaque (*)(Point)>);
static_assert(!handles_one<void (*)(Point)>);
static_assert(!handles_one<boost::asio::awaitable<void> (*)(Point)>);
static_assert(handles_one<std::string (*)(CallContext&, Point)>);
static_assert(handles_one<std::string (*)(const CallContext&, const Point&)>);
static_assert(handles_one<std::string (*)(CallContext, Point)>);
static_assert(!handles_one<std::string (*)(Point, CallContext&)>);
static_assert(!handles_one<std::string (*)(CallContext&)>);
static_assert(detail::RequestFunction<int (*)(CallContext&), void, int>);
static_assert(detail::RequestFunction<void (*)(), void, void>);
static_assert(detail::RequestFunction<boost::asio::awaitable<void> (*)(), void, void>);
static_assert(!detail::RequestFunction<int (*)(), void, void>);
static_assert(detail::RequestFunction<int (*)(), void, int>);

static_assert(detail::BroadcastFunction<void (*)(Point, InstanceId), Point>);
static_assert(detail::BroadcastFunction<void (*)(const Point&), Point>);
static_assert(detail::BroadcastFunction<void (*)(), void>);
static_assert(detail::BroadcastFunction<void (*)(InstanceId), void>);
static_assert(!detail::BroadcastFunction<void (*)(Opaque), Point>);

static_assert(!detail::is_unsafe_temporary<Point>, "nothing to destroy");
static_assert(!detail::is_unsafe_temporary<std::string>, "not an aggregate");
static_assert(detail::is_unsafe_temporary<WithText> ==
              detail::compiler_destroys_aggregate_temporaries_twice);
static_assert(std::is_trivially_destructible_v<InvokeOptions>);
static_assert(std::is_trivially_destructible_v<AnyOptions>);
static_assert(std::is_trivially_destructible_v<AllOptions>);
static_assert(std::is_trivially_destructible_v<BroadcastOptions>);

static_assert(!std::is_copy_constructible_v<MeshService<Map>>);
static_assert(!std::is_move_constructible_v<MeshService<Map>>);

TEST(MessageMap, HoldsAtCompileTime) {}  // the assertions above are the test

}  // namespace
}  // namespace mesh
