#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mesh::wire {

/// JSON text with `\ufffd` for each escape of half a surrogate pair, such as `\ud83d`: JavaScript
/// writes that for an emoji which was cut in two, and the parser refuses it. Nothing if there is
/// none. The text need not be valid.
std::optional<std::string> replace_lone_surrogates(std::string_view json);

}  // namespace mesh::wire
