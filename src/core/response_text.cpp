#include <core/response_text.hpp>

#include <utility>

#include <core/node_features.hpp>
#include <util/describe_error.hpp>
#include <wire/encode.hpp>
#include <wire/objection.hpp>

namespace mesh::core {

std::optional<wire::Failure> complete_response(std::string& response, std::size_t data_begin,
                                               std::string_view type, const MeshLimits& limits) {
  wire::end_response(response);
  const std::string_view data(response.data() + data_begin, response.size() - 1 - data_begin);
  const auto objection = wire::objection_to(response.size(), data, limits);
  if (!objection) return std::nullopt;
  return wire::Failure{"the response to \"" + std::string(type) + "\" " + *objection, "limit"};
}

namespace {

wire::Failure read_error(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const MeshHandlerError& failure) {
    // It may be of a call that the handler made, of which a code of ours tells, not of this one.
    if (!detail::is_reserved_code(failure.code())) {
      return {failure.what(), failure.code(), failure.details()};
    }
    return {failure.what()};
  } catch (...) {
    return {describe_error(error)};
  }
}

wire::Failure describe_unbegun(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const MeshRefusedError& refused) {
    return refusal(refused.reason(), refused.what());
  } catch (...) {
    return {describe_error(error), "decode"};
  }
}

}  // namespace

wire::Failure describe_failure(const std::exception_ptr& error, bool has_begun) {
  if (!has_begun) return describe_unbegun(error);
  wire::Failure failure = read_error(error);
  // That would say that it did not run.
  if (wire::parse_no_handler_error(failure.error)) {
    failure.error = "the handler failed: " + failure.error;
  }
  return failure;
}

std::string encode_failure(const wire::Request& request, const wire::Failure& failure,
                           const MeshLimits& limits) {
  const std::string_view id = request.request_id.view();
  const bool knows_codes = has_feature(request.accepts, Feature::codes);
  std::string response =
      knows_codes ? wire::encode_failure(id, failure) : wire::encode_error(id, failure.error);
  const std::string_view details = knows_codes ? failure.details : std::string_view();
  if (!wire::objection_to(response.size(), details, limits)) return response;
  return wire::encode_error(id, "the handler failed with a text beyond MeshLimits::message_size");
}

wire::Failure refusal(Refusal reason, std::string text, Executed executed) {
  return {std::move(text), std::string(to_string(reason)), {}, executed};
}

wire::Failure describe_lost_response(std::size_t size, unsigned deliveries, bool is_kept) {
  std::string text = "the response has " + std::to_string(size) + " bytes, and was lost " +
                     (deliveries == 1 ? "once" : std::to_string(deliveries) + " times") +
                     " on its way from Redis: it may be more than Redis sends to a subscriber "
                     "(client-output-buffer-limit pubsub)";
  if (!is_kept)
    text += ", and is no longer kept for another attempt (MeshLimits::remembered_bytes)";
  return {std::move(text), "limit"};
}

}  // namespace mesh::core
