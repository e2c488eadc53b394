#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <mesh/node.hpp>

namespace mesh {

/// Base of every error the library reports about a mesh. Wrong options are not among them: those
/// throw `std::invalid_argument` at construction. A cancelled operation throws
/// `boost::system::system_error` with `boost::asio::error::operation_aborted`.
class MeshError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The target node did not answer within the timeout, counted from its last sign of life: it has
/// crashed, hangs, or the pub/sub connection was disrupted.
class MeshRequestTimeoutError : public MeshError {
 public:
  MeshRequestTimeoutError(InstanceId instance_id, std::string type,
                          std::chrono::milliseconds timeout);

  InstanceId instance_id() const noexcept { return instance_id_; }
  const std::string& type() const noexcept { return type_; }

 protected:
  MeshRequestTimeoutError(InstanceId instance_id, std::string type, const std::string& what);

 private:
  InstanceId instance_id_;
  std::string type_;
};

/// Nobody was subscribed to the target's channel, so no answer can ever come; known as soon as
/// Redis acknowledged the request, for a node that is still registered about a second later, and
/// about half a second later where others listen to a pattern that fits the channel.
class MeshNodeUnreachableError : public MeshRequestTimeoutError {
 public:
  MeshNodeUnreachableError(InstanceId instance_id, std::string type);
};

/// The remote handler failed. `what()` is exactly the message the remote node sent.
class MeshHandlerError : public MeshError {
 public:
  using MeshError::MeshError;
};

/// No handler is registered for the type, on the remote node or, for a local call, on this one.
class MeshNoHandlerError : public MeshError {
 public:
  explicit MeshNoHandlerError(std::string type);

  const std::string& type() const noexcept { return type_; }

 private:
  std::string type_;
};

/// The service was stopped while the operation was under way.
class MeshStoppedError : public MeshError {
 public:
  MeshStoppedError();
};

/// The operation needs a running service: call `start()` first.
class MeshNotRunningError : public MeshError {
 public:
  MeshNotRunningError();
};

/// `start()` was called on a service that is starting, running or stopping.
class MeshAlreadyRunningError : public MeshError {
 public:
  MeshAlreadyRunningError();
};

/// Redis could not be reached, refused the connection, did not answer in time, or hung up each time
/// that a message was sent to it that may be too large for it: `cause()` says which.
class MeshConnectionError : public MeshError {
 public:
  MeshConnectionError(std::string host, std::uint16_t port, std::string cause);
  /// `origin` is added to the address in `what()`: who named it, such as an environment variable.
  MeshConnectionError(std::string host, std::uint16_t port, std::string cause,
                      const std::string& origin);

  /// Host name or address as configured, or the path of a unix socket.
  const std::string& host() const noexcept { return host_; }
  /// TCP port, 0 for a unix socket.
  std::uint16_t port() const noexcept { return port_; }
  const std::string& cause() const noexcept { return cause_; }

 private:
  std::string host_;
  std::uint16_t port_;
  std::string cause_;
};

/// Redis answered a command with an error, such as a missing permission.
class MeshRedisError : public MeshError {
 public:
  using MeshError::MeshError;
};

/// JSON did not fit the C++ type it was to be read into.
class MeshDecodeError : public MeshError {
 public:
  MeshDecodeError(std::string type, std::string path, const std::string& cause);

  /// The message type, such as "getStatus".
  const std::string& type() const noexcept { return type_; }
  /// JSON pointer to the offending field, such as "/items/2/price"; empty for the value itself.
  const std::string& path() const noexcept { return path_; }

 private:
  std::string type_;
  std::string path_;
};

/// A value could not be turned into a JSON message, for instance a string that is not UTF-8 or a
/// number that is NaN or infinite. Nothing was sent.
class MeshEncodeError : public MeshError {
 public:
  MeshEncodeError(std::string type, const std::string& cause);
  MeshEncodeError(std::string type, std::string path, const std::string& cause);

  const std::string& type() const noexcept { return type_; }
  /// JSON pointer to the offending field, such as "/items/2/price"; empty for the value itself, or
  /// if the type's own `to_json` failed.
  const std::string& path() const noexcept { return path_; }

 private:
  std::string type_;
  std::string path_;
};

/// A limit of `MeshLimits` was hit on this node, so nothing was sent, or the response was not
/// taken. `what()` names the limit.
class MeshLimitError : public MeshError {
 public:
  using MeshError::MeshError;
};

}  // namespace mesh
