#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include <config/host_list.hpp>
#include <config/number.hpp>
#include <config/redis_url.hpp>
#include <fuzz/require.hpp>

/// A URL is taken with values in range or refused, and the refusal does not tell the password.
namespace mesh::fuzz {
namespace {

constexpr std::string_view secret = "s3cr3t-Qx9";

void check(const std::string& url) {
  RedisOptions options;
  try {
    config::apply_redis_url(url, options);
  } catch (const std::invalid_argument& error) {
    require(std::string_view(error.what()).find(secret) == std::string_view::npos,
            "the password is told");
    return;
  }
  require(options.port != 0, "the port is 0");
  require(options.database >= 0 && options.database <= config::largest_database, "the database");
  require(!options.host.empty(), "the host is empty");
  require(options.host.find('\0') == std::string::npos, "a zero byte in the host");
  require(options.unix_socket.empty() || options.unix_socket.front() == '/', "a relative path");
  require(options.unix_socket.find('\0') == std::string::npos, "a zero byte in the path");
  std::string scheme = url.substr(0, url.find(':'));
  std::ranges::transform(scheme, scheme.begin(), [](unsigned char c) { return std::tolower(c); });
  require(options.tls == scheme.starts_with("rediss"), "TLS");
  require(options.cluster.empty() == !scheme.ends_with("+cluster"), "a cluster by another scheme");
  require(options.cluster.find('\0') == std::string::npos, "a zero byte in the cluster");
  if (!options.cluster.empty()) config::parse_host_list(options.cluster, config::redis_port);
}

}  // namespace
}  // namespace mesh::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  mesh::fuzz::check(text);
  const auto scheme_end = text.find("://");
  if (scheme_end == std::string::npos) return 0;
  std::string with_password = text;
  with_password.insert(scheme_end + 3, "user:" + std::string(mesh::fuzz::secret) + "@");
  mesh::fuzz::check(with_password);
  return 0;
}
