#pragma once

#include <string_view>

#include <nlohmann/json.hpp>

namespace mesh::wire {

/// What of a message can be read that is too large, too deep, or no JSON: an object with those of
/// its small fields that tell who waits for an answer. `data` is passed over, whatever it is.
/// Without any where the text does not end as a message does.
nlohmann::json salvage_envelope(std::string_view text);

/// The same of the beginning of a message, as far as that goes.
nlohmann::json salvage_beginning(std::string_view text);

}  // namespace mesh::wire
