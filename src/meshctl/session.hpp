#pragma once

#include <functional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <mesh/mesh_service.hpp>

#include <async/strand.hpp>
#include <meshctl/failure.hpp>
#include <meshctl/settings.hpp>

namespace mesh::ctl {

using Node = MeshService<MessageMap<>>;

/// What a command works with. All of it runs on the strand.
struct Session {
  Strand strand;
  const Settings& settings;
  MeshOptions options;
  Node* node = nullptr;  ///< Joined to the mesh; null for commands that only need Redis.
  /// Ctrl-C is the way to end the command, and no failure.
  bool ends_by_interrupt = false;
};

using Work = std::function<asio::awaitable<ExitStatus>(Session&)>;

/// Joins the mesh, does the work and leaves. SIGINT and SIGTERM cancel the work; a second one ends
/// the program at once. Throws what the work throws.
ExitStatus run_in_mesh(const Settings& settings, const Work& work);

/// The same without a mesh. `options` say where Redis is.
ExitStatus run_beside_mesh(const Settings& settings, MeshOptions options, const Work& work);

}  // namespace mesh::ctl
