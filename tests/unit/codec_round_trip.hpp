#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include <mesh/codec.hpp>

namespace mesh::codec_tests {

template <typename T>
std::string encoded(const T& value) {
  std::string text;
  Codec<T>::encode(value, text);
  return text;
}

template <typename T>
T decoded(std::string_view json) {
  return Codec<T>::decode(json);
}

/// Both directions of one value and its text.
template <typename T>
void expect_same(const T& value, const std::string& json) {
  EXPECT_EQ(encoded(value), json);
  EXPECT_TRUE(decoded<T>(json) == value) << json;
}

struct Fault {
  std::string path = "none";
  std::string cause;
};

template <typename T>
Fault decode_fault(std::string_view json) {
  try {
    static_cast<void>(Codec<T>::decode(json));
  } catch (const CodecError& error) {
    return {error.path(), error.cause()};
  }
  return {};
}

template <typename T>
Fault encode_fault(const T& value) {
  try {
    static_cast<void>(encoded(value));
  } catch (const CodecError& error) {
    return {error.path(), error.cause()};
  }
  return {};
}

inline bool names(const Fault& fault, std::string_view part) {
  return fault.cause.find(part) != std::string::npos;
}

}  // namespace mesh::codec_tests
