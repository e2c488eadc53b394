#include <codec/json_places.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace mesh::codec {
namespace {

std::vector<std::pair<std::string, std::string>> pointers_and_texts(const JsonPlaces& found) {
  std::vector<std::pair<std::string, std::string>> result;
  for (const JsonPlace& place : found.places) result.emplace_back(place.pointer, place.text);
  return result;
}

std::size_t bytes_of_pointers(const JsonPlaces& found) {
  std::size_t bytes = 0;
  for (const JsonPlace& place : found.places) bytes += place.pointer.size();
  return bytes;
}

TEST(JsonPlaces, AreAllValuesWithWhatIsInsideBeforeIt) {
  const std::string text = R"( {"a/b" : [true, -1.5, {}, "x\n"], "\u0063":{"":null}, "~":[[]]} )";
  const JsonPlaces found = find_places(text, 100);
  EXPECT_EQ(pointers_and_texts(found), (std::vector<std::pair<std::string, std::string>>{
                                           {"/a~1b/0", "true"},
                                           {"/a~1b/1", "-1.5"},
                                           {"/a~1b/2", "{}"},
                                           {"/a~1b/3", R"("x\n")"},
                                           {"/a~1b", R"([true, -1.5, {}, "x\n"])"},
                                           {"/c/", "null"},
                                           {"/c", R"({"":null})"},
                                           {"/~0/0", "[]"},
                                           {"/~0", "[[]]"},
                                           {"", text.substr(1, text.size() - 2)}}));
  EXPECT_EQ(found.values, found.places.size());
  EXPECT_TRUE(found.places.back().is_object);
  EXPECT_EQ(found.places.back().keys, (std::vector<std::string>{"a/b", "c", "~"}));
}

TEST(JsonPlaces, AreNoMoreThanWanted) {
  const JsonPlaces found = find_places(R"([[1,2],{"a":3},4])", 2);
  EXPECT_EQ(pointers_and_texts(found),
            (std::vector<std::pair<std::string, std::string>>{{"/0/0", "1"}, {"/0/1", "2"}}));
  EXPECT_EQ(found.values, 7U);
}

TEST(JsonPlaces, TakeNoMoreMemoryForLongKeys) {
  std::string text = "{\"" + std::string(2'000'000, 'k') + "\":[0";
  for (int i = 0; i < 1000; ++i) text += ",0";
  const JsonPlaces found = find_places(text + "]}", 256);
  EXPECT_LT(bytes_of_pointers(found), 2 * text.size());
  EXPECT_EQ(found.values, 1003U);
}

TEST(JsonPlaces, TakeNoMoreMemoryForManyLevels) {
  constexpr std::size_t depth = 100'000;
  const JsonPlaces found = find_places(std::string(depth, '[') + std::string(depth, ']'), 256);
  EXPECT_LT(bytes_of_pointers(found), 4'000'000U);
  EXPECT_EQ(found.values, depth);
}

}  // namespace
}  // namespace mesh::codec
