#pragma once

#include <cstddef>
#include <string>

#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

namespace mesh::bench {

/// The three sizes that all benchmarks of this folder use.
inline void payload_sizes(benchmark::internal::Benchmark* benchmark) {
  for (const int size : {64, 4096, 262144}) benchmark->Arg(size);
}

inline std::size_t payload_size(const benchmark::State& state) {
  return static_cast<std::size_t>(state.range(0));
}

inline std::string plain_text(std::size_t size) { return std::string(size, 'x'); }

/// JSON text of one string.
inline std::string string_payload(std::size_t size) {
  return nlohmann::json(plain_text(size)).dump();
}

/// JSON text of about that size: an array of small objects.
inline std::string object_payload(std::size_t size) {
  const nlohmann::json item{{"name", "apple"}, {"price", 2.5}, {"count", 3}};
  nlohmann::json items = nlohmann::json::array();
  const std::size_t count = size / (item.dump().size() + 1) + 1;
  for (std::size_t i = 0; i < count; ++i) items.push_back(item);
  return items.dump();
}

inline const std::string& request_id() {
  static const std::string id = "01234567-89ab-4cde-8f01-23456789abcd";
  return id;
}

}  // namespace mesh::bench
