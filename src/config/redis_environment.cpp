#include <cerrno>  // program_invocation_short_name
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <config/number.hpp>
#include <config/redis_url.hpp>
#include <config/sentinel_list.hpp>
#include <mesh/options.hpp>

namespace mesh {

namespace {

struct Variable {
  std::string name;
  std::string value;
};

[[noreturn]] void reject(const Variable& variable, const std::string& expected) {
  throw std::invalid_argument("environment variable " + variable.name + ": " + expected);
}

std::optional<Variable> read_variable(std::string name) {
  const char* const value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') return std::nullopt;
  return Variable{std::move(name), value};
}

/// The variables that start with `prefix`; one that is also set with `overriding` counts as unset.
class Layer {
 public:
  explicit Layer(std::string prefix, std::string overriding = {})
      : prefix_(std::move(prefix)), overriding_(std::move(overriding)) {}

  void apply(RedisOptions& options) const {
    read_url(options);
    if (find("HOST")) options.unix_socket.clear();
    read("HOST", options.host);
    read_port("PORT", options.port);
    read("USERNAME", options.username);
    read("PASSWORD", options.password);
    read_database("DB", options.database);
    read_flag("TLS", options.tls);
    read("TLS_CA", options.tls_ca);
    read("TLS_CERT", options.tls_cert);
    read("TLS_KEY", options.tls_key);
    read_sentinels(options.sentinel_host);
    read_port("SENTINEL_PORT", options.sentinel_port);
    read("SENTINEL_NAME", options.sentinel_name);
    read("SENTINEL_USERNAME", options.sentinel_username);
    read("SENTINEL_PASSWORD", options.sentinel_password);
    read("PREFIX", options.prefix);
  }

 private:
  std::optional<Variable> find(const std::string& setting) const {
    if (!overriding_.empty() && read_variable(overriding_ + setting)) return std::nullopt;
    return read_variable(prefix_ + setting);
  }

  void read(const std::string& setting, std::string& target) const {
    if (auto variable = find(setting)) target = std::move(variable->value);
  }

  void read_sentinels(std::string& target) const {
    const auto variable = find("SENTINEL_HOST");
    if (!variable) return;
    try {
      config::parse_sentinel_list(variable->value, 1);
    } catch (const std::invalid_argument& error) {
      reject(*variable, error.what());
    }
    target = variable->value;
  }

  void read_port(const std::string& setting, std::uint16_t& target) const {
    const auto variable = find(setting);
    if (!variable) return;
    const auto port = config::parse_number(variable->value, 1, config::largest_port);
    if (!port) reject(*variable, "expected a port number from 1 to 65535");
    target = static_cast<std::uint16_t>(*port);
  }

  void read_database(const std::string& setting, int& target) const {
    const auto variable = find(setting);
    if (!variable) return;
    const auto database = config::parse_number(variable->value, 0, config::largest_database);
    if (!database) reject(*variable, "expected a database number of 0 or more");
    target = *database;
  }

  void read_flag(const std::string& setting, bool& target) const {
    const auto variable = find(setting);
    if (!variable) return;
    const std::string& value = variable->value;
    if (value == "1" || value == "true" || value == "yes" || value == "on") {
      target = true;
    } else if (value == "0" || value == "false" || value == "no" || value == "off") {
      target = false;
    } else {
      reject(*variable, "expected true or false");
    }
  }

  void read_url(RedisOptions& options) const {
    const auto variable = find("URL");
    if (!variable) return;
    try {
      config::apply_redis_url(variable->value, options);
    } catch (const std::invalid_argument& error) {
      reject(*variable, error.what());
    }
  }

  std::string prefix_;
  std::string overriding_;
};

void read_mutex_prefix(std::string& target) {
  for (const char* name : {"MUTEX_REDIS_PREFIX", "REDIS_PREFIX"}) {
    if (auto variable = read_variable(name)) {
      target = std::move(variable->value);
      return;
    }
  }
}

}  // namespace

RedisOptions RedisOptions::from_env(std::string_view name, std::string application_name) {
  const std::string generic = "REDIS_";
  const std::string own = std::string(name) + "_REDIS_";
  RedisOptions options;
  options.application_name =
      application_name.empty() ? program_invocation_short_name : std::move(application_name);
  Layer(generic, own).apply(options);
  Layer(own).apply(options);
  read_mutex_prefix(options.mutex_prefix);
  return options;
}

}  // namespace mesh
