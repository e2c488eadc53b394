#include <wire/envelope.hpp>

#include <cstddef>
#include <cstring>

namespace mesh::wire {

namespace {

/// Where the compiler knows the length of the name, it needs no loop.
template <std::size_t Size>
bool says(std::string_view name, const char (&word)[Size]) {  // NOLINT(modernize-avoid-c-arrays)
  return name.size() == Size - 1 && std::memcmp(name.data(), word, Size - 1) == 0;
}

}  // namespace

std::string_view* Envelope::find(std::string_view name) {
  switch (name.size()) {
    case 4:
      if (says(name, "data")) return &data;
      if (says(name, "type")) return &type;
      return says(name, "code") ? &code : nullptr;
    case 5:
      if (says(name, "reply")) return &reply;
      if (says(name, "owner")) return &owner;
      return says(name, "error") ? &error : nullptr;
    case 6:
      if (says(name, "repeat")) return &repeat;
      return says(name, "cancel") ? &cancel : nullptr;
    case 7:
      if (says(name, "accepts")) return &accepts;
      if (says(name, "headers")) return &headers;
      return says(name, "details") ? &details : nullptr;
    case 8:
      return says(name, "executed") ? &executed : nullptr;
    case 9:
      if (says(name, "requestId")) return &request_id;
      if (says(name, "timeoutMs")) return &timeout;
      if (says(name, "heartbeat")) return &heartbeat;
      return says(name, "broadcast") ? &broadcast : nullptr;
    case 10:
      return says(name, "deadlineMs") ? &deadline : nullptr;
    case 16:
      return says(name, "senderInstanceId") ? &sender : nullptr;
    default:
      return nullptr;
  }
}

JsonFinding read_envelope(std::string_view text, std::size_t most_levels, Envelope& envelope) {
  return read_object(text, most_levels, [&envelope](std::string_view name, std::string_view value) {
    if (std::string_view* const field = envelope.find(name)) *field = value;
  });
}

}  // namespace mesh::wire
