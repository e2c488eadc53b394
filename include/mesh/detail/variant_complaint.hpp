#pragma once

#include <string>
#include <vector>

namespace mesh::detail {

/// Names what each alternative complained of, as far as they are few and short.
std::string describe_unfitting(const std::vector<std::string>& complaints);

}  // namespace mesh::detail
