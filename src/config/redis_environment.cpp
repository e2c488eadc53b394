#include <algorithm>
#include <array>
#include <cerrno>  // program_invocation_short_name
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <config/host_list.hpp>
#include <config/number.hpp>
#include <config/redis_url.hpp>
#include <config/same_place.hpp>
#include <mesh/options.hpp>

namespace mesh {

namespace {

struct Variable {
  std::string name;
  std::string value;
};

std::optional<Variable> read_variable(std::string name) {
  const char* const value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') return std::nullopt;
  return Variable{std::move(name), value};
}

constexpr std::string_view link_scheme = "tcp://";

/// What Kubernetes and Docker write into the PORT of a service: tcp://host:port.
std::optional<config::HostAndPort> parse_link(std::string_view text) {
  if (!text.starts_with(link_scheme)) return std::nullopt;
  try {
    auto entries = config::parse_host_list(text.substr(link_scheme.size()), 0);
    if (entries.size() == 1 && entries.front().port != 0) return std::move(entries.front());
  } catch (const std::invalid_argument&) {
    // Malformed like one without a port.
  }
  return std::nullopt;
}

/// The variables that start with `prefix`, where none that starts with `overriding` says the same.
class Layer {
 public:
  Layer(std::vector<detail::EnvironmentProblem>& problems, detail::AddressOrigin& origin,
        std::string prefix, std::string overriding = {})
      : problems_(problems),
        origin_(origin),
        prefix_(std::move(prefix)),
        overriding_(std::move(overriding)) {}

  void apply(RedisOptions& options) {
    read_url(options);
    read_link(options);
    if (find("HOST")) {
      options.unix_socket.clear();
      options.cluster.clear();
    }
    read("HOST", options.host, &origin_.host);
    read_port("PORT", options.port, &origin_.port);
    read("USERNAME", options.username);
    read("PASSWORD", options.password);
    read_database("DB", options.database);
    read_flag("TLS", options.tls);
    read("TLS_CA", options.tls_ca);
    read("TLS_CERT", options.tls_cert);
    read("TLS_KEY", options.tls_key);
    read_sentinels(options);
    read_port("SENTINEL_PORT", options.sentinel_port);
    read("SENTINEL_NAME", options.sentinel_name);
    read("SENTINEL_USERNAME", options.sentinel_username);
    read("SENTINEL_PASSWORD", options.sentinel_password);
    read_cluster(options);
    read("PREFIX", options.prefix);
  }

 private:
  bool is_generic() const { return !overriding_.empty(); }

  bool is_overridden(const char* setting) const {
    return !overriding_.empty() && read_variable(overriding_ + setting).has_value();
  }

  std::optional<Variable> find(std::string_view setting) const {
    // A URL says where Redis is and how to log in, also by what it leaves out.
    constexpr std::array by_url{"URL", "HOST", "PORT",          "USERNAME", "PASSWORD",
                                "DB",  "TLS",  "SENTINEL_HOST", "CLUSTER"};
    const std::string name(setting);
    if (is_overridden(name.c_str())) return std::nullopt;
    if (std::ranges::find(by_url, setting) != by_url.end() && is_overridden("URL")) {
      return std::nullopt;
    }
    return read_variable(prefix_ + name);
  }

  void reject(const char* setting, const Variable& variable, const std::string& expected) {
    problems_.push_back({setting, "environment variable " + variable.name + ": " + expected});
  }

  void read(const char* setting, std::string& target,
            detail::ReadVariable<std::string>* origin = nullptr) const {
    auto variable = find(setting);
    if (!variable) return;
    if (origin != nullptr) *origin = {variable->name, variable->value};
    target = std::move(variable->value);
  }

  /// The variable says where Redis is.
  void note_address(const Variable& variable, const RedisOptions& options) const {
    origin_.host = {variable.name, options.host};
    origin_.port = {variable.name, options.port};
    origin_.unix_socket = {variable.name, options.unix_socket};
    origin_.cluster = {variable.name, options.cluster};
  }

  void read_sentinels(RedisOptions& options) {
    // These would win over an address, however generic they are.
    if (is_overridden("HOST") || is_overridden("CLUSTER")) return;
    const auto variable = find("SENTINEL_HOST");
    if (!variable) return;
    if (!has_cluster()) options.cluster.clear();  // that of a URL, or of a more generic variable
    read_hosts("SENTINEL_HOST", *variable, options.sentinel_host, origin_.sentinel_host);
  }

  /// For other programs a generic one may say other things, or beside another address.
  bool has_cluster() const {
    const auto variable = find("CLUSTER");
    if (!variable || !is_generic()) return variable.has_value();
    return variable->value.find(':') != std::string::npos && !has_other_address();
  }

  bool has_other_address() const {
    constexpr std::array others{"URL", "HOST", "PORT", "SENTINEL_HOST"};
    return std::ranges::any_of(others, [this](const char* setting) {
      return is_overridden(setting) || read_variable(prefix_ + setting).has_value();
    });
  }

  void read_cluster(RedisOptions& options) {
    if (!has_cluster()) return;
    if (!find("SENTINEL_HOST")) options.sentinel_host.clear();
    read_hosts("CLUSTER", *find("CLUSTER"), options.cluster, origin_.cluster);
  }

  void read_hosts(const char* setting, const Variable& variable, std::string& target,
                  detail::ReadVariable<std::string>& origin) {
    try {
      config::parse_host_list(variable.value, 1);
    } catch (const std::invalid_argument& error) {
      reject(setting, variable, error.what());
    }
    target = variable.value;
    origin = {variable.name, target};
  }

  /// Nobody in particular has written a link, so it gives way to every other address.
  void read_link(RedisOptions& options) const {
    const auto variable = find("PORT");
    if (!variable || find("URL")) return;
    auto link = parse_link(variable->value);
    if (!link || is_overridden("HOST")) return;
    options.host = std::move(link->host);
    options.port = link->port;
    options.unix_socket.clear();
    note_address(*variable, options);
  }

  void read_port(const char* setting, std::uint16_t& target,
                 detail::ReadVariable<std::uint16_t>* origin = nullptr) {
    const auto variable = find(setting);
    if (!variable) return;
    if (const auto link = parse_link(variable->value)) {
      if (setting == std::string_view("SENTINEL_PORT")) target = link->port;
      return;  // else it was read before
    }
    const auto port = config::parse_number(variable->value, 1, config::largest_port);
    if (!port) {
      reject(setting, *variable, "expected a port number from 1 to 65535, or tcp://host:port");
    }
    target = static_cast<std::uint16_t>(port.value_or(0));
    if (origin != nullptr) *origin = {variable->name, target};
  }

  void read_database(const char* setting, int& target) {
    const auto variable = find(setting);
    if (!variable) return;
    const auto database = config::parse_number(variable->value, 0, config::largest_database);
    if (!database) reject(setting, *variable, "expected a database number of 0 or more");
    target = database.value_or(-1);
  }

  void read_flag(const char* setting, bool& target) {
    const auto variable = find(setting);
    if (!variable) return;
    const std::string& value = variable->value;
    if (value == "1" || value == "true" || value == "yes" || value == "on") {
      target = true;
    } else if (value == "0" || value == "false" || value == "no" || value == "off") {
      target = false;
    } else {
      reject(setting, *variable, "expected true or false");
    }
  }

  void read_url(RedisOptions& options) {
    const auto variable = find("URL");
    if (!variable) return;
    try {
      config::apply_redis_url(variable->value, options);
      note_address(*variable, options);
    } catch (const std::invalid_argument& error) {
      reject("URL", *variable, error.what());
    }
  }

  std::vector<detail::EnvironmentProblem>& problems_;
  detail::AddressOrigin& origin_;
  std::string prefix_;
  std::string overriding_;
};

bool has_any(std::string_view prefix, std::initializer_list<const char*> settings) {
  return std::ranges::any_of(settings, [prefix](const char* setting) {
    const auto variable = read_variable(std::string(prefix) + setting);
    return variable && !variable->value.starts_with(link_scheme);  // see read_link()
  });
}

bool differs_from_mesh(const char* setting) {
  const auto generic = read_variable(std::string("REDIS_") + setting);
  const auto own = read_variable(std::string("MESH_REDIS_") + setting);
  return generic && own && !generic->value.starts_with(link_scheme) &&
         !own->value.starts_with(link_scheme) && generic->value != own->value;
}

/// Whether the generic variables speak of a server beside the mesh's: more likely they are about
/// the mesh, or left over from something else, unless they are those that a TypeScript node reads.
bool may_tell_election_apart() {
  if (has_any("MESH_REDIS_", {"URL", "HOST", "SENTINEL_HOST", "CLUSTER"})) {
    return has_any("REDIS_", {"HOST", "SENTINEL_HOST"});
  }
  return differs_from_mesh("PORT") || differs_from_mesh("SENTINEL_PORT") ||
         differs_from_mesh("SENTINEL_NAME");
}

bool is_valid(const RedisOptions& options) {
  try {
    options.validate();
  } catch (const std::invalid_argument&) {
    return false;
  }
  return true;
}

void read_mutex_prefix(std::string& target) {
  for (const char* name : {"MUTEX_REDIS_PREFIX", "REDIS_PREFIX"}) {
    if (auto variable = read_variable(name)) {
      target = std::move(variable->value);
      return;
    }
  }
}

}  // namespace

RedisOptions RedisOptions::read_env(std::string_view name, std::string application_name) {
  const std::string generic = "REDIS_";
  const std::string own = std::string(name) + "_REDIS_";
  RedisOptions options;
  if (application_name.empty()) {
    options.guessed_name_ = program_invocation_short_name;
    options.application_name = options.guessed_name_;
  } else {
    options.application_name = std::move(application_name);
  }
  options.origin_.environment = name;
  Layer(options.problems_, options.origin_, generic, own).apply(options);
  Layer(options.problems_, options.origin_, own).apply(options);
  read_mutex_prefix(options.mutex_prefix);
  if (options.find_problem("URL") != nullptr) {
    options.host.clear();
    options.unix_socket.clear();
    options.cluster.clear();
  }
  return options;
}

std::optional<RedisOptions> RedisOptions::read_leader_env() {
  const bool is_named =
      has_any("MUTEX_REDIS_", {"URL", "HOST", "PORT", "SENTINEL_HOST", "CLUSTER"});
  if (!is_named && !may_tell_election_apart()) return std::nullopt;
  RedisOptions leader = read_env("MUTEX");
  if (!is_named) {
    if (!leader.problems_.empty() || !is_valid(leader)) return std::nullopt;
    if (config::is_same_server(leader, read_env("MESH"))) return std::nullopt;
  }
  leader.is_implied_ = !is_named;
  leader.mutex_prefix.clear();  // that of the mesh's options, which the program may have set
  return leader;
}

RedisOptions RedisOptions::from_env(std::string_view name, std::string application_name) {
  RedisOptions options = read_env(name, std::move(application_name));
  if (!options.problems_.empty()) throw std::invalid_argument(options.problems_.front().text);
  return options;
}

}  // namespace mesh
