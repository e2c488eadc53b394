#pragma once

#include <string>

#include <nlohmann/json.hpp>

/// What JavaScript makes of values, which the original relies on.
namespace mesh::wire {

constexpr double largest_exact_integer = 9007199254740991.0;  // 2^53 - 1

bool is_truthy(const nlohmann::json& value);

/// Where it calculates; 0 stands for what is no number, too.
double to_number(const nlohmann::json& value);

/// Where it needs a text; but for objects and arrays their JSON, which says more.
std::string to_text(const nlohmann::json& value);

}  // namespace mesh::wire
