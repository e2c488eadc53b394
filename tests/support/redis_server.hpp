#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <mesh/options.hpp>

#include <support/certificates.hpp>
#include <support/child_process.hpp>
#include <support/redis_probe.hpp>
#include <support/temp_dir.hpp>

namespace mesh::test {

struct RedisServerOptions {
  /// Program and arguments that redis-server is started by, such as {"unshare", "--net"}; it must
  /// become redis-server.
  std::vector<std::string> launcher;
  bool tcp = true;  ///< False: only the unix socket.
  std::string password;
  std::vector<std::string> config;  ///< Further lines for redis.conf, such as "maxclients 5".
  std::optional<ServerTls> tls;     ///< Set: there is a TLS port too.
  bool in_cluster = false;          ///< True: a node of a cluster, of which it knows no other yet.
};

/// A port nobody listens on, outside the range the system uses for outgoing connections, so that a
/// server can come back to it.
std::uint16_t find_free_port();

/// A redis-server of its own, on 127.0.0.1 and on a unix socket in a temporary directory. It keeps
/// its port over restarts.
class RedisServer {
 public:
  /// Starts it and waits until it answers.
  explicit RedisServer(RedisServerOptions options = {});
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  std::uint16_t port() const { return port_; }          ///< 0 without TCP.
  std::uint16_t tls_port() const { return tls_port_; }  ///< 0 without TLS.
  std::uint16_t bus_port() const { return bus_port_; }  ///< For other nodes of the cluster.
  const std::string& socket() const { return socket_; }
  pid_t pid() const;
  bool is_running();
  std::string log() const;

  /// The user whom `options()` names unless the server has a password: it may do what a mesh with
  /// the prefix "test" needs, and nothing else.
  static const std::string& user();
  static const std::string& user_password();

  /// Library options that point here (at the unix socket without TCP), with the prefix "test" for
  /// meshes and locks and short reconnect delays.
  RedisOptions options() const;
  /// The same by way of the TLS port, trusting its authority.
  RedisOptions tls_options() const;
  /// The same by way of the unix socket.
  RedisOptions socket_options() const;
  /// The same for the default user, who may do anything.
  RedisOptions admin_options() const;

  /// As the default user, by way of the unix socket.
  RedisProbe probe(std::chrono::milliseconds timeout = std::chrono::seconds(10)) const;
  /// One command on a fresh connection.
  nlohmann::json command(const RedisProbe::Command& arguments) const;

  /// SIGKILL; the data is lost.
  void kill();
  /// Saves the data and ends; `start()` brings them back.
  void shut_down_with_data();
  void start();
  /// Comes back empty.
  void restart();
  void restart_with_data();
  /// Of a cluster: comes back empty, with this as the file in which it keeps what it knows of it.
  void restart_in_cluster(const std::string& nodes);
  /// SIGSTOP: connections stay open, nothing answers.
  void pause();
  void resume();

 private:
  void write_config() const;
  bool try_start();
  bool answers();

  RedisServerOptions options_;
  TempDir directory_;
  std::uint16_t port_ = 0;
  std::uint16_t tls_port_ = 0;
  std::uint16_t bus_port_ = 0;
  std::string socket_;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace mesh::test
