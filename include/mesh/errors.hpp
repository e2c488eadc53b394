#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include <mesh/node.hpp>

namespace mesh {

/// Whether the handler of a call that has failed has run. A call may be made again without harm
/// exactly where it has not.
enum class Executed {
  no,     ///< Certainly not.
  maybe,  ///< Nobody knows.
  yes,    ///< It has begun, whatever came of it.
};

/// The lower-case name, such as "maybe".
std::string_view to_string(Executed executed) noexcept;

class MeshError;

namespace detail {
/// Who called the handler that has let the error pass is to know that it ran.
void note_executed(MeshError& error) noexcept;
}  // namespace detail

/// Base of every error the library reports about a mesh. Wrong options are not among them: those
/// throw `std::invalid_argument` at construction. A cancelled operation throws
/// `boost::system::system_error` with `boost::asio::error::operation_aborted`: the handler of a
/// call that was cancelled may have run.
class MeshError : public std::runtime_error {
 public:
  explicit MeshError(const std::string& what, Executed executed = Executed::maybe)
      : std::runtime_error(what), executed_(executed) {}

  /// Of the call that has failed; `no` where it was none. What passes through a handler of this
  /// node says `yes` to who called that, whatever it said to the handler.
  Executed executed() const noexcept { return executed_; }

 private:
  friend void detail::note_executed(MeshError& error) noexcept;

  Executed executed_;
};

/// The target node did not answer within the timeout, counted from its last sign of life: it has
/// crashed, hangs, or the pub/sub connection was disrupted. `executed()` is `maybe`, or `no` if
/// nobody has got the request.
class MeshRequestTimeoutError : public MeshError {
 public:
  MeshRequestTimeoutError(InstanceId instance_id, std::string type,
                          std::chrono::milliseconds timeout, Executed executed = Executed::maybe);

  InstanceId instance_id() const noexcept { return instance_id_; }
  const std::string& type() const noexcept { return type_; }

 protected:
  MeshRequestTimeoutError(InstanceId instance_id, std::string type, const std::string& what,
                          Executed executed);

 private:
  InstanceId instance_id_;
  std::string type_;
};

/// The deadline of the call has passed: see `InvokeOptions::deadline`. `executed()` is `no` if it
/// had passed before the request was sent, else `maybe`.
class MeshDeadlineError : public MeshRequestTimeoutError {
 public:
  MeshDeadlineError(InstanceId instance_id, std::string type, Executed executed);
};

/// Nobody was subscribed to the target's channel, so no answer can ever come; known as soon as
/// Redis acknowledged the request, for a node that is still registered about a second later, and
/// about half a second later where others listen to a pattern that fits the channel. `executed()`
/// is `no` if each time that the request was sent nobody got it, else `maybe`.
class MeshNodeUnreachableError : public MeshRequestTimeoutError {
 public:
  MeshNodeUnreachableError(InstanceId instance_id, std::string type,
                           Executed executed = Executed::no);
};

namespace detail {
/// Whether the library itself uses this code in answers.
bool is_reserved_code(std::string_view code) noexcept;
}  // namespace detail

/// The remote handler failed. `what()` is exactly the message the remote node sent.
///
/// A handler may throw one as well, to tell its caller more than a text. `executed()` is `yes`, or
/// `maybe` for a node of the original and of an earlier version, which do not tell whether it was
/// the handler. The library itself uses these codes: "decode", `executed()` is `no`: the request
/// did not fit the handler's type; "limit": the response exceeds a limit; "unknown": the response
/// is no longer kept for a repeated request.
class MeshHandlerError : public MeshError {
 public:
  /// `code` is what a program goes by, such as "out_of_stock"; `details` is JSON text, or empty.
  /// Throws `std::invalid_argument` for a code that the library uses itself (those above, "busy",
  /// "stopping", "deadline" and "refused"), and for details that are not one JSON value.
  explicit MeshHandlerError(const std::string& message, std::string code = {},
                            std::string details = {});
  /// As received; checks nothing.
  MeshHandlerError(const std::string& message, std::string code, std::string details,
                   Executed executed);

  const std::string& code() const noexcept { return code_; }
  /// One JSON value; empty if there is none.
  const std::string& details() const noexcept { return details_; }

 private:
  std::string code_;
  std::string details_;
};

/// Why a node has not run a request.
enum class Refusal {
  busy,      ///< Too many handlers are running and too many requests are waiting.
  stopping,  ///< The node leaves the mesh.
  limit,     ///< The request exceeds a limit of the node.
  deadline,  ///< The caller's deadline passed before the handler could begin.
  refused,   ///< For a reason of its own.
  unknown,   ///< The request was repeated, and the node no longer knows whether it ran.
};

/// The lower-case name, such as "busy".
std::string_view to_string(Refusal reason) noexcept;

/// The node took the request, but did not run its handler. `executed()` is `no`, and `maybe` for
/// `Refusal::unknown`, and where a handler that ran was cancelled because its node stopped.
class MeshRefusedError : public MeshError {
 public:
  MeshRefusedError(const std::string& message, Refusal reason, Executed executed = Executed::no);

  Refusal reason() const noexcept { return reason_; }

 private:
  Refusal reason_;
};

/// No handler is registered for the type, on the remote node or, for a local call, on this one.
/// `executed()` is `no`.
class MeshNoHandlerError : public MeshError {
 public:
  explicit MeshNoHandlerError(std::string type);

  const std::string& type() const noexcept { return type_; }

 private:
  std::string type_;
};

/// No node that the call could go to serves the type: see `MeshService::invoke_any()`.
/// `executed()` is `no`.
class MeshNoNodeError : public MeshError {
 public:
  /// `nodes`: how many are known, this one included.
  MeshNoNodeError(std::string type, std::size_t nodes);

  const std::string& type() const noexcept { return type_; }

 private:
  std::string type_;
};

/// The service was stopped while the operation was under way.
class MeshStoppedError : public MeshError {
 public:
  explicit MeshStoppedError(Executed executed = Executed::no);
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
/// that a message was sent to it that may be too large for it: `cause()` says which. `executed()`
/// is `no`, and `maybe` in the last case.
class MeshConnectionError : public MeshError {
 public:
  MeshConnectionError(std::string host, std::uint16_t port, std::string cause);
  /// `origin` is added to the address in `what()`: who named it, such as an environment variable.
  MeshConnectionError(std::string host, std::uint16_t port, std::string cause,
                      const std::string& origin, Executed executed = Executed::no);

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
  explicit MeshRedisError(const std::string& what, Executed executed = Executed::no)
      : MeshError(what, executed) {}
};

/// JSON did not fit the C++ type it was to be read into. `executed()` is `yes` for a response.
class MeshDecodeError : public MeshError {
 public:
  MeshDecodeError(std::string type, std::string path, const std::string& cause,
                  Executed executed = Executed::yes);

  /// The message type, such as "getStatus".
  const std::string& type() const noexcept { return type_; }
  /// JSON pointer to the offending field, such as "/items/2/price"; empty for the value itself.
  const std::string& path() const noexcept { return path_; }

 private:
  std::string type_;
  std::string path_;
};

/// A value could not be turned into a JSON message, for instance a string that is not UTF-8 or a
/// number that is NaN or infinite. Nothing was sent: `executed()` is `no`, except for the response
/// of a handler of this node.
class MeshEncodeError : public MeshError {
 public:
  MeshEncodeError(std::string type, const std::string& cause, Executed executed = Executed::no);
  MeshEncodeError(std::string type, std::string path, const std::string& cause,
                  Executed executed = Executed::no);

  const std::string& type() const noexcept { return type_; }
  /// JSON pointer to the offending field, such as "/items/2/price"; empty for the value itself, or
  /// if the type's own `to_json` failed.
  const std::string& path() const noexcept { return path_; }

 private:
  std::string type_;
  std::string path_;
};

/// A limit of `MeshLimits` was hit on this node, so nothing was sent, or the response was not
/// taken: then `executed()` is `yes`. `what()` names the limit.
class MeshLimitError : public MeshError {
 public:
  explicit MeshLimitError(const std::string& what, Executed executed = Executed::no)
      : MeshError(what, executed) {}
};

}  // namespace mesh
