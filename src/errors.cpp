#include <mesh/errors.hpp>

#include <algorithm>
#include <array>
#include <utility>

#include <wire/json_object.hpp>

namespace mesh {

namespace {

std::string describe_call(const std::string& type, InstanceId instance_id) {
  return "request \"" + type + "\" to node " + std::to_string(instance_id);
}

std::string describe_address(const std::string& host, std::uint16_t port) {
  return port == 0 ? host : host + ":" + std::to_string(port);
}

std::string describe_field(const std::string& path) {
  return path.empty() ? "payload" : "field " + path;
}

constexpr std::array<std::string_view, 7> reserved_codes{"busy",    "stopping", "limit", "deadline",
                                                         "refused", "unknown",  "decode"};

}  // namespace

std::string_view to_string(Executed executed) noexcept {
  switch (executed) {
    case Executed::no:
      return "no";
    case Executed::yes:
      return "yes";
    default:
      return "maybe";
  }
}

std::string_view to_string(Refusal reason) noexcept {
  switch (reason) {
    case Refusal::busy:
      return "busy";
    case Refusal::stopping:
      return "stopping";
    case Refusal::limit:
      return "limit";
    case Refusal::deadline:
      return "deadline";
    case Refusal::unknown:
      return "unknown";
    default:
      return "refused";
  }
}

void detail::note_executed(MeshError& error) noexcept { error.executed_ = Executed::yes; }

bool detail::is_reserved_code(std::string_view code) noexcept {
  return std::ranges::find(reserved_codes, code) != reserved_codes.end();
}

MeshRequestTimeoutError::MeshRequestTimeoutError(InstanceId instance_id, std::string type,
                                                 std::chrono::milliseconds timeout,
                                                 Executed executed)
    : MeshError(describe_call(type, instance_id) + " timed out after " +
                    std::to_string(timeout.count()) + " ms without an answer or a heartbeat",
                executed),
      instance_id_(instance_id),
      type_(std::move(type)) {}

MeshRequestTimeoutError::MeshRequestTimeoutError(InstanceId instance_id, std::string type,
                                                 const std::string& what, Executed executed)
    : MeshError(what, executed), instance_id_(instance_id), type_(std::move(type)) {}

MeshDeadlineError::MeshDeadlineError(InstanceId instance_id, std::string type, Executed executed)
    : MeshRequestTimeoutError(
          instance_id, type,
          describe_call(type, instance_id) + " was not answered before its deadline", executed) {}

MeshNodeUnreachableError::MeshNodeUnreachableError(InstanceId instance_id, std::string type,
                                                   Executed executed)
    : MeshRequestTimeoutError(
          instance_id, type,
          describe_call(type, instance_id) + " reached nobody: no node listens under that id",
          executed) {}

MeshHandlerError::MeshHandlerError(const std::string& message, std::string code,
                                   std::string details)
    : MeshHandlerError(message, std::move(code), std::move(details), Executed::yes) {
  if (detail::is_reserved_code(code_)) {
    throw std::invalid_argument("the code \"" + code_ +
                                "\" of a MeshHandlerError is one that the library itself uses");
  }
  if (!details_.empty() && !wire::is_json(details_)) {
    throw std::invalid_argument("the details of a MeshHandlerError must be one JSON value");
  }
}

MeshHandlerError::MeshHandlerError(const std::string& message, std::string code,
                                   std::string details, Executed executed)
    : MeshError(message, executed), code_(std::move(code)), details_(std::move(details)) {}

MeshRefusedError::MeshRefusedError(const std::string& message, Refusal reason, Executed executed)
    : MeshError(message, executed), reason_(reason) {}

MeshNoHandlerError::MeshNoHandlerError(std::string type)
    : MeshError("no handler is registered for \"" + type + "\"", Executed::no),
      type_(std::move(type)) {}

MeshNoNodeError::MeshNoNodeError(std::string type, std::size_t nodes)
    : MeshError("none of the " + std::to_string(nodes) +
                    " nodes that are known has a handler for \"" + type +
                    "\", and the labels that were asked for, if any",
                Executed::no),
      type_(std::move(type)) {}

MeshStoppedError::MeshStoppedError(Executed executed)
    : MeshError("MeshService stopped", executed) {}

MeshNotRunningError::MeshNotRunningError()
    : MeshError("MeshService is not running", Executed::no) {}

MeshAlreadyRunningError::MeshAlreadyRunningError()
    : MeshError("MeshService is already running", Executed::no) {}

MeshConnectionError::MeshConnectionError(std::string host, std::uint16_t port, std::string cause)
    : MeshConnectionError(std::move(host), port, std::move(cause), std::string()) {}

MeshConnectionError::MeshConnectionError(std::string host, std::uint16_t port, std::string cause,
                                         const std::string& origin, Executed executed)
    : MeshError("cannot use Redis at " + describe_address(host, port) +
                    (origin.empty() ? "" : " (" + origin + ")") + ": " + cause,
                executed),
      host_(std::move(host)),
      port_(port),
      cause_(std::move(cause)) {}

MeshDecodeError::MeshDecodeError(std::string type, std::string path, const std::string& cause,
                                 Executed executed)
    : MeshError("cannot decode \"" + type + "\": " + describe_field(path) + ": " + cause, executed),
      type_(std::move(type)),
      path_(std::move(path)) {}

MeshEncodeError::MeshEncodeError(std::string type, const std::string& cause, Executed executed)
    : MeshError("cannot encode \"" + type + "\": " + cause, executed), type_(std::move(type)) {}

MeshEncodeError::MeshEncodeError(std::string type, std::string path, const std::string& cause,
                                 Executed executed)
    : MeshError("cannot encode \"" + type + "\": " + describe_field(path) + ": " + cause, executed),
      type_(std::move(type)),
      path_(std::move(path)) {}

}  // namespace mesh
