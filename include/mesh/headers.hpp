#pragma once

#include <functional>
#include <map>
#include <string>

namespace mesh {

/// What travels with a call beside its payload, such as a tenant or a trace: names to texts. At
/// most 64 of at most 4 KiB each, name and text; names are not empty and have no control
/// characters. Nodes of the original ignore them.
using Headers = std::map<std::string, std::string, std::less<>>;

}  // namespace mesh
