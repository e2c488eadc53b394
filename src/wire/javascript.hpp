#pragma once

#include <string>
#include <string_view>

/// What JavaScript makes of values, which the original relies on. A value is given as it is
/// written, without spaces around it; nothing stands for one that is absent.
namespace mesh::wire {

constexpr double largest_exact_integer = 9007199254740991.0;  // 2^53 - 1

bool is_truthy(std::string_view value);

/// Where it calculates; 0 stands for what is no number, too.
double to_number(std::string_view value);

/// Where it needs a text; but for objects and arrays their JSON, which says more.
std::string to_text(std::string_view value);

}  // namespace mesh::wire
