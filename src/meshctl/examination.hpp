#pragma once

#include <functional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include <meshctl/session.hpp>

namespace mesh::ctl {

/// One thing that was looked at.
struct Finding {
  enum class Level { ok, warn, bad };

  Level level = Level::ok;
  std::string subject{};
  std::string text{};
  std::string advice{};  ///< What to do; empty if nothing.
};

using Report = std::function<void(const Finding&)>;

/// Looks whether the Redis of the session's options can carry a mesh, and what is there. Stops
/// where it cannot connect. Leaves nothing behind.
asio::awaitable<void> examine(Session& session, const Report& report);

}  // namespace mesh::ctl
