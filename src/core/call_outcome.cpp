#include <core/call_outcome.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <core/node_features.hpp>
#include <util/make_error.hpp>
#include <wire/encode.hpp>

namespace mesh::core {

namespace {

constexpr std::array all_refusals{Refusal::busy,     Refusal::stopping, Refusal::limit,
                                  Refusal::deadline, Refusal::refused,  Refusal::unknown};

// Later versions may have more reasons.
Refusal refusal_called(std::string_view code) {
  const auto* const found = std::ranges::find_if(
      all_refusals, [code](Refusal refusal) { return to_string(refusal) == code; });
  return found == all_refusals.end() ? Refusal::refused : *found;
}

Executed executed_before(const wire::Response& error, const PendingCall& call) {
  if (error.code == "decode") return Executed::no;
  // Others answer with an error also where they did not run the request.
  const bool knows_codes =
      !error.code.empty() || (call.owner && has_feature(call.owner->features, Feature::codes));
  return knows_codes ? Executed::yes : Executed::maybe;
}

}  // namespace

Executed executed_of(const PendingCall& call) {
  const bool reached_nobody = call.publishes == call.publishes_to_nobody;
  return reached_nobody && !call.may_have_arrived ? Executed::no : Executed::maybe;
}

std::exception_ptr error_of(const wire::Response& response, const PendingCall& call) {
  const std::string& text = *response.error;
  if (response.executed) {
    return make_error<MeshRefusedError>(text, refusal_called(response.code), *response.executed);
  }
  if (auto type = wire::parse_no_handler_error(text); type && response.code.empty()) {
    return make_error<MeshNoHandlerError>(std::move(*type));
  }
  return make_error<MeshHandlerError>(text, response.code, response.details,
                                      executed_before(response, call));
}

}  // namespace mesh::core
