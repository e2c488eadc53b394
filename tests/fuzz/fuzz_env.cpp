#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

#include <config/number.hpp>
#include <fuzz/require.hpp>
#include <mesh/options.hpp>

/// Each line of the input is the value of a variable, after a letter that says of which.
namespace mesh::fuzz {
namespace {

constexpr std::string_view secret = "s3cr3t-Qx9";
constexpr std::array settings{"URL",    "HOST",          "PORT",          "USERNAME",
                              "DB",     "TLS",           "SENTINEL_HOST", "SENTINEL_PORT",
                              "PREFIX", "SENTINEL_NAME", "PASSWORD"};
constexpr std::array<std::string_view, 3> owners{"REDIS_", "MESH_REDIS_", "MUTEX_REDIS_"};
constexpr std::size_t names = settings.size() * owners.size();

std::string name_of(std::size_t index) {
  return std::string(owners[index / settings.size()]) + settings[index % settings.size()];
}

/// 'A' and on for the generic variables, 'a' and on for those of a mesh, and the rest for anything.
std::size_t index_of(char letter) {
  if (letter >= 'A' && letter <= 'Z') return static_cast<std::size_t>(letter - 'A') % names;
  if (letter >= 'a' && letter <= 'z') {
    return (settings.size() + static_cast<std::size_t>(letter - 'a')) % names;
  }
  return static_cast<unsigned char>(letter) % names;
}

void set_variables(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.empty()) continue;
    const std::string name = name_of(index_of(line.front()));
    std::string value(line.substr(1));
    if (name.ends_with("PASSWORD") && !value.empty()) value = secret;
    setenv(name.c_str(), value.c_str(), 1);  // up to a zero byte
  }
}

void unset_variables() {
  for (std::size_t i = 0; i < names; ++i) unsetenv(name_of(i).c_str());
}

void check() {
  RedisOptions options;
  try {
    options = RedisOptions::from_env("MESH", "application");
  } catch (const std::invalid_argument& error) {
    const std::string_view what = error.what();
    require(what.find("REDIS_") != std::string_view::npos, "the variable is not named");
    require(what.find(secret) == std::string_view::npos, "the password is told");
    return;
  }
  require(options.port != 0 && options.sentinel_port != 0, "a port is 0");
  require(options.database >= 0 && options.database <= config::largest_database, "the database");
  require(!options.sentinel_name.empty() && !options.host.empty(), "an empty setting");
  try {
    options.validate();
  } catch (const std::invalid_argument& error) {
    const std::string_view what = error.what();
    require(what.find("RedisOptions::") != std::string_view::npos, "the option is not named");
    require(what.find(secret) == std::string_view::npos, "the password is told");
  }
}

}  // namespace
}  // namespace mesh::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // The fuzzer may have guessed it, and errors quote what is no password.
  if (text.find(mesh::fuzz::secret) != std::string_view::npos) return 0;
  mesh::fuzz::unset_variables();
  mesh::fuzz::set_variables(text);
  mesh::fuzz::check();
  return 0;
}
