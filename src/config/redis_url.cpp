#include <config/redis_url.hpp>

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>

#include <config/number.hpp>

namespace mesh::config {

namespace {

[[noreturn]] void fail(const char* what) { throw std::invalid_argument(what); }

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

std::string percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    const auto high = i + 1 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
    const auto low = i + 2 < text.size() ? hex_digit(text[i + 2]) : std::nullopt;
    if (!high || !low) fail("a % in a URL must be followed by two hexadecimal digits");
    // Behind one, the system would not see the rest of a host name or a path.
    if (*high == 0 && *low == 0) fail("a URL must not contain a zero byte");
    decoded.push_back(static_cast<char>(*high * 16 + *low));
    i += 2;
  }
  return decoded;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Cuts `text` at the first separator and returns what stood behind it.
std::optional<std::string_view> take_tail(std::string_view& text, char separator) {
  const auto position = text.find(separator);
  if (position == std::string_view::npos) return std::nullopt;
  const std::string_view tail = text.substr(position + 1);
  text = text.substr(0, position);
  return tail;
}

void take_user_info(std::string_view& text, std::size_t authority_length, RedisOptions& options) {
  const auto at = text.substr(0, authority_length).rfind('@');
  if (at == std::string_view::npos) return;
  std::string_view user = text.substr(0, at);
  text.remove_prefix(at + 1);
  const auto password = take_tail(user, ':');
  if (!password) fail("a URL with a user needs a password too: user:password@");
  options.username = percent_decode(user);
  options.password = percent_decode(*password);
}

void apply_database(std::string_view text, RedisOptions& options) {
  if (text.empty()) return;
  const auto database = parse_number(text, 0, largest_database);
  if (!database) fail("the database in a URL must be a number of 0 or more");
  options.database = *database;
}

void apply_port(std::string_view text, RedisOptions& options) {
  const auto port = parse_number(text, 1, largest_port);
  if (!port) fail("the port in a URL must be a number from 1 to 65535");
  options.port = static_cast<std::uint16_t>(*port);
}

void apply_host_and_port(std::string_view text, RedisOptions& options) {
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) fail("an IPv6 address in a URL must end with ]");
    options.host = std::string(text.substr(1, close - 1));
    text.remove_prefix(close + 1);
    if (take_prefix(text, ":")) {
      apply_port(text, options);
    } else if (!text.empty()) {
      fail("only :port may follow the ] of an IPv6 address in a URL");
    }
  } else {
    if (const auto port = take_tail(text, ':')) apply_port(*port, options);
    options.host = percent_decode(text);
  }
  if (options.host.empty()) fail("a redis:// URL needs a host: redis://host:port");
}

void apply_tcp(std::string_view text, RedisOptions& options) {
  take_user_info(text, text.find('/'), options);
  const auto database = take_tail(text, '/');
  apply_host_and_port(text, options);
  if (database) apply_database(*database, options);
  options.unix_socket.clear();
}

void apply_unix(std::string_view text, RedisOptions& options) {
  take_user_info(text, text.find('/'), options);
  const auto query = take_tail(text, '?');
  if (!text.starts_with('/')) fail("a unix:// URL needs an absolute path: unix:///path/to/socket");
  options.unix_socket = percent_decode(text);
  if (!query) return;
  std::string_view database = *query;
  if (!take_prefix(database, "db=")) fail("a unix:// URL knows only the query ?db=number");
  apply_database(database, options);
}

}  // namespace

void apply_redis_url(std::string_view url, RedisOptions& options) {
  if (url.find('\0') != std::string_view::npos) fail("a URL must not contain a zero byte");
  if (take_prefix(url, "redis://")) {
    apply_tcp(url, options);
  } else if (take_prefix(url, "rediss://")) {
    apply_tcp(url, options);
    options.tls = true;
  } else if (take_prefix(url, "unix://")) {
    apply_unix(url, options);
  } else {
    fail("a URL must begin with redis://, rediss:// or unix://");
  }
}

}  // namespace mesh::config
