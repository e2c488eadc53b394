#include <core/response_text.hpp>

#include <exception>

#include <mesh/errors.hpp>

#include <wire/objection.hpp>

namespace mesh::core {

std::string encode_result(const wire::Request& request, const detail::Json& result,
                          const MeshLimits& limits) {
  std::string response;
  try {
    response = wire::encode_response(request.request_id.view(), result);
  } catch (const std::exception&) {
    detail::throw_encode_error(request.type, result);
  }
  if (const auto objection = wire::objection_to(response, limits)) {
    throw MeshLimitError("the response to \"" + request.type + "\" " + *objection);
  }
  return response;
}

std::string encode_failure(const RequestId& request_id, const std::string& error,
                           const MeshLimits& limits) {
  std::string response = wire::encode_error(request_id.view(), error);
  if (response.size() <= limits.message_size) return response;
  return wire::encode_error(request_id.view(),
                            "the handler failed with a text beyond MeshLimits::message_size");
}

std::string describe_lost_response(std::size_t size, unsigned deliveries, bool is_kept) {
  std::string text = "the response has " + std::to_string(size) + " bytes, and was lost " +
                     (deliveries == 1 ? "once" : std::to_string(deliveries) + " times") +
                     " on its way from Redis: it may be more than Redis sends to a subscriber "
                     "(client-output-buffer-limit pubsub)";
  if (!is_kept)
    text += ", and is no longer kept for another attempt (MeshLimits::remembered_bytes)";
  return text;
}

}  // namespace mesh::core
