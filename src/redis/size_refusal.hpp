#pragma once

#include <cstddef>
#include <string>

#include <redis/reply.hpp>

/// Redis hangs up on a client whose message is too large for it, mostly without a word. So after a
/// loss the largest command that had no answer is suspected, and a second loss convicts it.
namespace mesh::redis {

constexpr std::size_t least_suspect_size = std::size_t{64} << 10U;
constexpr int convicting_losses = 2;

/// Whether Redis says so, before it hangs up.
bool is_size_refusal(const Reply& reply);

/// The text of an error reply, with the setting that is at fault if that is known.
std::string describe_refusal(const Reply& reply);

/// What is said of a message of so many bytes, with the settings that may be at fault.
std::string describe_too_large(std::size_t size);

}  // namespace mesh::redis
