#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mesh::bench {

/// The text that travels both ways. It begins with the number of its call, in hexadecimal, so that
/// each answer is known to be that of its own call. Nothing in it needs escaping in JSON.
std::string make_payload(std::size_t size);

/// Writes the number of the call into the payload.
void stamp(std::string& payload, std::uint64_t number);

/// Throws unless `answer` has the length of `payload` and its number.
void require_echo(std::string_view payload, std::string_view answer);

}  // namespace mesh::bench
