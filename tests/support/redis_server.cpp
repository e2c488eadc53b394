#include <support/redis_server.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <support/descriptor.hpp>
#include <support/least_privilege.hpp>
#include <support/wait.hpp>

namespace mesh::test {

namespace {

constexpr std::chrono::seconds start_timeout{30};

bool is_free(std::uint16_t port) {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

bool is_process(RedisProbe& probe, pid_t pid) {
  return probe.text({"INFO", "server"}).find("process_id:" + std::to_string(pid) + "\r") !=
         std::string::npos;
}

}  // namespace

std::uint16_t find_free_port() {
  std::random_device random;
  std::uniform_int_distribution<std::uint16_t> ports(20000, 32000);
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const std::uint16_t port = ports(random);
    if (is_free(port)) return port;
  }
  throw std::runtime_error("no free TCP port");
}

RedisServer::RedisServer(RedisServerOptions options)
    : options_(std::move(options)), socket_((directory_.path() / "redis.sock").string()) {
  for (int attempt = 0; attempt < 10; ++attempt) {
    if (options_.tcp) port_ = find_free_port();
    if (options_.tls) tls_port_ = find_free_port();
    if (options_.in_cluster) bus_port_ = find_free_port();
    write_config();
    if (try_start()) return;  // otherwise someone else took the port in between
  }
  throw std::runtime_error("redis-server does not start:\n" + log());
}

void RedisServer::write_config() const {
  std::ofstream config(directory_.path() / "redis.conf");
  config << "bind 127.0.0.1\nport " << port_ << "\nunixsocket " << socket_ << "\ndir "
         << directory_.path().string() << "\nsave \"\"\nappendonly no\nprotected-mode no\n"
         << "repl-diskless-sync-delay 0\nenable-debug-command yes\n"
         << "user " << user() << " reset resetchannels on >" << user_password() << " "
         << test_permissions().rules() << "\n";
  if (!options_.password.empty()) {
    config << "requirepass " << options_.password << "\nmasterauth " << options_.password << "\n";
  }
  if (options_.tls) {
    config << "tls-port " << tls_port_ << "\n";
    for (const std::string& line : config_lines(*options_.tls)) config << line << "\n";
  }
  if (options_.in_cluster) config << "cluster-enabled yes\ncluster-port " << bus_port_ << "\n";
  for (const std::string& line : options_.config) config << line << "\n";
}

bool RedisServer::try_start() {
  ProcessOptions options;
  options.command = options_.launcher;
  options.command.insert(options.command.end(),
                         {"redis-server", (directory_.path() / "redis.conf").string()});
  options.output = directory_.path() / "redis.log";
  process_ = std::make_unique<ChildProcess>(options);
  wait_until([this] { return !process_->is_running() || answers(); }, start_timeout);
  return process_->is_running() && answers();
}

bool RedisServer::answers() {
  try {
    RedisProbe connection = probe(std::chrono::seconds(1));
    return connection.text({"PING"}) == "PONG" && is_process(connection, pid());
  } catch (const RedisProbeError&) {
    return false;
  }
}

pid_t RedisServer::pid() const { return process_->pid(); }

bool RedisServer::is_running() { return process_->is_running(); }

std::string RedisServer::log() const { return process_ ? process_->output() : ""; }

const std::string& RedisServer::user() {
  static const std::string name = "mesh-test";
  return name;
}

const std::string& RedisServer::user_password() {
  static const std::string password = "only-what-is-needed";
  return password;
}

RedisOptions RedisServer::options() const {
  RedisOptions options = admin_options();
  if (options_.password.empty()) {
    options.username = user();
    options.password = user_password();
  }
  return options;
}

RedisOptions RedisServer::admin_options() const {
  RedisOptions options;
  if (options_.tcp) {
    options.host = "127.0.0.1";
    options.port = port_;
  } else {
    options.unix_socket = socket_;
  }
  options.password = options_.password;
  options.prefix = "test";
  options.mutex_prefix = "test";
  options.reconnect_min_delay = std::chrono::milliseconds(10);
  options.reconnect_max_delay = std::chrono::milliseconds(200);
  return options;
}

RedisOptions RedisServer::tls_options() const {
  RedisOptions result = options();
  result.host = "127.0.0.1";
  result.port = tls_port_;
  result.unix_socket.clear();
  result.tls = true;
  result.tls_ca = options_.tls->ca;
  return result;
}

RedisOptions RedisServer::socket_options() const {
  RedisOptions result = options();
  result.unix_socket = socket_;
  return result;
}

RedisProbe RedisServer::probe(std::chrono::milliseconds timeout) const {
  RedisOptions options = admin_options();
  options.unix_socket = socket_;
  return RedisProbe(options, timeout);
}

nlohmann::json RedisServer::command(const RedisProbe::Command& arguments) const {
  return probe().command(arguments);
}

void RedisServer::kill() {
  process_->kill();
  std::error_code ignored;
  std::filesystem::remove(directory_.path() / "dump.rdb", ignored);
}

void RedisServer::shut_down_with_data() {
  try {
    command({"SHUTDOWN", "SAVE"});
  } catch (const RedisProbeError&) {
    // It hangs up instead of answering.
  }
  if (!process_->wait(start_timeout)) throw std::runtime_error("redis-server does not end");
}

void RedisServer::start() {
  // Whoever holds the port now, such as a connection that is being closed, lets go of it soon.
  if (!wait_until([this] { return try_start(); }, start_timeout)) {
    throw std::runtime_error("redis-server does not start again:\n" + log());
  }
}

void RedisServer::restart() {
  kill();
  start();
}

void RedisServer::restart_with_data() {
  shut_down_with_data();
  start();
}

void RedisServer::restart_in_cluster(const std::string& nodes) {
  kill();
  std::ofstream(directory_.path() / "nodes.conf") << nodes;
  start();
}

void RedisServer::pause() { process_->pause(); }

void RedisServer::resume() { process_->resume(); }

}  // namespace mesh::test
