#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include <mesh/errors.hpp>

#include <redis/connect.hpp>
#include <redis/endpoint.hpp>
#include <redis/handshake.hpp>

namespace mesh::redis {

[[noreturn]] inline void throw_objection(const Endpoint& endpoint, const Objection& objection) {
  if (!objection.is_passing) throw_connection_error(endpoint, objection.cause);
  throw PassingConnectionError(endpoint.name(), endpoint.port, objection.cause);
}

/// Why nobody of those that were asked led to a master.
class RouteFailures {
 public:
  /// `summary` says it of several.
  explicit RouteFailures(std::string summary) : summary_(std::move(summary)) {}

  void add(const Endpoint& asked, const MeshConnectionError& error, bool is_passing) {
    ++count_;
    is_passing_ = is_passing_ || is_passing;
    last_.emplace(error);
    if (!text_.empty()) text_ += "; ";
    text_ += to_string(asked);
    Endpoint culprit;
    culprit.host = error.host();
    culprit.port = error.port();
    if (culprit != asked) text_ += " named " + to_string(culprit);
    text_ += ": " + error.cause();
  }

  [[noreturn]] void raise(const Endpoint& first) const {
    if (count_ == 1) {
      throw_objection(Endpoint{last_->host(), last_->port(), {}},
                      Objection{last_->cause(), is_passing_});
    }
    throw_objection(first, Objection{summary_ + ": " + text_, is_passing_});
  }

 private:
  std::string summary_;
  std::size_t count_ = 0;
  bool is_passing_ = false;
  std::optional<MeshConnectionError> last_;
  std::string text_;
};

}  // namespace mesh::redis
