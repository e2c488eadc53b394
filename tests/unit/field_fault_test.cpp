#include <gtest/gtest.h>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

#include <mesh/codec.hpp>
#include <mesh/detail/field_fault.hpp>

namespace mesh::detail {
namespace {

/// Has this many values besides the array itself, of which none is at fault for the decoder.
std::string numbers(std::size_t count) {
  std::string json = "[";
  for (std::size_t i = 0; i < count; ++i) json += "1,";
  json.back() = ']';
  return json;
}

std::size_t attempts_for(std::string_view json) {
  std::size_t attempts = 0;
  const TryDecode decode = [&](std::string_view) {
    ++attempts;
    throw std::runtime_error("wrong");
  };
  try {
    throw std::runtime_error("wrong");
  } catch (...) {
    EXPECT_THROW(throw_field_fault(json, decode), CodecError);
  }
  return attempts;
}

// Whoever sends a message decides what the search costs.
TEST(FieldFault, AllAttemptsTogetherReadABoundedNumberOfValues) {
  constexpr std::size_t most_values = 65'536;
  EXPECT_GT(attempts_for(numbers(10)), 100U);
  for (const std::size_t count : {10U, 100U, 1'000U, 10'000U, 100'000U}) {
    EXPECT_LE(attempts_for(numbers(count)) * count, most_values) << count;
  }
}

TEST(FieldFault, LongTextsAreReadAsSeldomAsManyValues) {
  constexpr std::size_t most_bytes = std::size_t{4} << 20U;
  for (const std::size_t size : {10'000U, 100'000U, 1'000'000U, 10'000'000U}) {
    const std::string json = "[\"" + std::string(size, 'x') + "\"]";
    EXPECT_LE(attempts_for(json) * size, most_bytes) << size;
  }
}

}  // namespace
}  // namespace mesh::detail
