#include <mesh/errors.hpp>

#include <utility>

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

}  // namespace

MeshRequestTimeoutError::MeshRequestTimeoutError(InstanceId instance_id, std::string type,
                                                 std::chrono::milliseconds timeout)
    : MeshError(describe_call(type, instance_id) + " timed out after " +
                std::to_string(timeout.count()) + " ms without an answer or a heartbeat"),
      instance_id_(instance_id),
      type_(std::move(type)) {}

MeshRequestTimeoutError::MeshRequestTimeoutError(InstanceId instance_id, std::string type,
                                                 const std::string& what)
    : MeshError(what), instance_id_(instance_id), type_(std::move(type)) {}

MeshNodeUnreachableError::MeshNodeUnreachableError(InstanceId instance_id, std::string type)
    : MeshRequestTimeoutError(
          instance_id, type,
          describe_call(type, instance_id) + " reached nobody: no node listens under that id") {}

MeshNoHandlerError::MeshNoHandlerError(std::string type)
    : MeshError("no handler is registered for \"" + type + "\""), type_(std::move(type)) {}

MeshStoppedError::MeshStoppedError() : MeshError("MeshService stopped") {}

MeshNotRunningError::MeshNotRunningError() : MeshError("MeshService is not running") {}

MeshAlreadyRunningError::MeshAlreadyRunningError() : MeshError("MeshService is already running") {}

MeshConnectionError::MeshConnectionError(std::string host, std::uint16_t port, std::string cause)
    : MeshConnectionError(std::move(host), port, std::move(cause), std::string()) {}

MeshConnectionError::MeshConnectionError(std::string host, std::uint16_t port, std::string cause,
                                         const std::string& origin)
    : MeshError("cannot use Redis at " + describe_address(host, port) +
                (origin.empty() ? "" : " (" + origin + ")") + ": " + cause),
      host_(std::move(host)),
      port_(port),
      cause_(std::move(cause)) {}

MeshDecodeError::MeshDecodeError(std::string type, std::string path, const std::string& cause)
    : MeshError("cannot decode \"" + type + "\": " + describe_field(path) + ": " + cause),
      type_(std::move(type)),
      path_(std::move(path)) {}

MeshEncodeError::MeshEncodeError(std::string type, const std::string& cause)
    : MeshError("cannot encode \"" + type + "\": " + cause), type_(std::move(type)) {}

MeshEncodeError::MeshEncodeError(std::string type, std::string path, const std::string& cause)
    : MeshError("cannot encode \"" + type + "\": " + describe_field(path) + ": " + cause),
      type_(std::move(type)),
      path_(std::move(path)) {}

}  // namespace mesh
