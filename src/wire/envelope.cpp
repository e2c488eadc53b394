#include <wire/envelope.hpp>

namespace mesh::wire {

std::string_view* Envelope::find(std::string_view name) {
  if (name == "requestId") return &request_id;
  if (name == "data") return &data;
  if (name == "reply") return &reply;
  if (name == "senderInstanceId") return &sender;
  if (name == "type") return &type;
  if (name == "timeoutMs") return &timeout;
  if (name == "heartbeat") return &heartbeat;
  if (name == "error") return &error;
  if (name == "accepts") return &accepts;
  if (name == "deadlineMs") return &deadline;
  if (name == "headers") return &headers;
  if (name == "cancel") return &cancel;
  if (name == "code") return &code;
  if (name == "details") return &details;
  if (name == "executed") return &executed;
  if (name == "broadcast") return &broadcast;
  if (name == "repeat") return &repeat;
  return nullptr;
}

JsonFinding read_envelope(std::string_view text, std::size_t most_levels, Envelope& envelope) {
  return read_object(text, most_levels, [&envelope](std::string_view name, std::string_view value) {
    if (std::string_view* const field = envelope.find(name)) *field = value;
  });
}

}  // namespace mesh::wire
