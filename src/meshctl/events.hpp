#pragma once

#include <cstddef>

#include <boost/asio/awaitable.hpp>

#include <meshctl/session.hpp>

namespace mesh::ctl {

/// Which events are printed; losses of the connection always are.
struct EventFilter {
  bool nodes = true;
  bool broadcasts = true;
};

/// Prints what happens in the mesh, one event a line, until it is cancelled or there were so many;
/// 0: no bound. First come the nodes that are there.
asio::awaitable<ExitStatus> print_events(Session& session, EventFilter filter, bool as_json,
                                         std::size_t most);

}  // namespace mesh::ctl
