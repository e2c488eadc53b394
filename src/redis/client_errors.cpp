#include <redis/client.hpp>

#include <exception>
#include <string>

#include <mesh/errors.hpp>

#include <redis/size_refusal.hpp>
#include <util/make_error.hpp>

namespace mesh::redis {

MeshConnectionError Client::connection_error(const std::string& host, std::uint16_t port,
                                             const std::string& cause, Executed executed) const {
  const Endpoint configured = configured_endpoint(options_);
  std::string origin;
  if (host == configured.name() && port == configured.port) {
    origin = detail::describe_origin(options_);
  } else if (connector_.uses_sentinel()) {
    origin = "named by Sentinel";
  }
  return {host, port, cause, origin, executed};
}

MeshConnectionError Client::connection_error(const std::string& cause, Executed executed) const {
  const Endpoint endpoint = link_ ? link_->address() : configured_endpoint(options_);
  return connection_error(endpoint.name(), endpoint.port, cause, executed);
}

std::exception_ptr Client::not_sent_error() const {
  std::string cause = "it was never sent, as there was no connection in time";
  if (last_error_) cause += ": " + last_error_->cause();
  return make_error<MeshConnectionError>(connection_error(cause));
}

std::exception_ptr Client::too_large_error(std::size_t size) const {
  return make_error<MeshConnectionError>(
      connection_error("the connection was lost twice on the way of " + describe_too_large(size) +
                           "; if something else was the cause, it may have arrived",
                       Executed::maybe));
}

void Client::throw_failure(Failure failure, std::size_t suspect_size) const {
  if (failure == Failure::stopped || !open_) throw MeshStoppedError();
  if (failure == Failure::overflow) throw overflow_error();
  std::string cause = "no answer in time";
  if (failure == Failure::disconnected) {
    cause = "the connection was lost before the answer came";
    if (suspect_size > 0) cause += ", on the way of " + describe_too_large(suspect_size);
  } else if (last_error_) {
    cause = last_error_->cause();
  }
  throw connection_error(cause);
}

}  // namespace mesh::redis
