#include <config/redis_url.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <config/host_list.hpp>
#include <config/number.hpp>

namespace mesh::config {

namespace {

[[noreturn]] void fail(const std::string& what) { throw std::invalid_argument(what); }

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

/// `part` is the name of what `text` is, for errors.
std::string percent_decode(std::string_view text, const std::string& part) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    const auto high = i + 1 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
    const auto low = i + 2 < text.size() ? hex_digit(text[i + 2]) : std::nullopt;
    if (!high || !low) {
      fail("in the " + part +
           " of a URL a % must be followed by two hexadecimal digits; write a % itself as %25");
    }
    // Behind one, the system would not see the rest of a host name or a path.
    if (*high == 0 && *low == 0) fail("the " + part + " of a URL must not contain a zero byte");
    decoded.push_back(static_cast<char>(*high * 16 + *low));
    i += 2;
  }
  return decoded;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool take_prefix(std::string_view& text, std::string_view prefix) {
  const auto same = [](char a, char b) { return lower(a) == b; };
  if (text.size() < prefix.size() ||
      !std::ranges::equal(text.substr(0, prefix.size()), prefix, same)) {
    return false;
  }
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

/// Takes `length` characters and the @ behind them.
void take_user_info(std::string_view& text, std::size_t length, RedisOptions& options) {
  if (length == std::string_view::npos) return;
  std::string_view user = text.substr(0, length);
  text.remove_prefix(length + 1);
  const auto password = take_tail(user, ':');
  if (!password) {
    fail(
        "a URL with something before the @ needs a password there: user:password@, or :password@ "
        "for the default user");
  }
  options.username = percent_decode(user, "user");
  options.password = percent_decode(*password, "password");
  // Providers write default:@ for a server without a password.
  if (options.username == "default" && options.password.empty()) options.username.clear();
}

int parse_database(std::string_view text) {
  const auto database = parse_number(text, 0, largest_database);
  if (!database) {
    fail("the database in a URL must be a number of 0 or more: redis://host:port/0, or ?db=0");
  }
  return *database;
}

void apply_port(std::string_view text, RedisOptions& options) {
  const auto port = parse_number(text, 1, largest_port);
  if (!port) {
    fail(
        "the port in a URL must be a number from 1 to 65535; if this is about a user and a "
        "password, they end with an @, and special characters in them are written as % and two "
        "hexadecimal digits");
  }
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
    options.host = percent_decode(text, "host");
  }
  if (options.host.empty()) fail("a redis:// URL needs a host: redis://host:port");
}

/// host[:port][/[database[/]]]. Returns whether there was a database.
bool apply_address(std::string_view text, RedisOptions& options) {
  auto database = take_tail(text, '/');
  apply_host_and_port(text, options);
  if (database && database->ends_with('/')) database->remove_suffix(1);
  if (!database || database->empty()) return false;
  options.database = parse_database(*database);
  return true;
}

bool is_address(std::string_view text) {
  try {
    RedisOptions scratch;
    apply_address(text, scratch);
    return true;
  } catch (const std::invalid_argument&) {
    return false;
  }
}

[[noreturn]] void fail_at_query(std::string_view option) {
  const auto value = take_tail(option, '=');
  const auto is_name = [](char c) { return c == '_' || (lower(c) >= 'a' && lower(c) <= 'z'); };
  // Anything else is not quoted: it may belong to a password.
  if (!value || option.empty() || !std::ranges::all_of(option, is_name)) {
    fail("a URL knows only the query ?db=number");
  }
  fail("a URL knows only the query ?db=number, not \"" + std::string(option) +
       "\": leave it out; TLS is rediss:// or the variable TLS, files for it are TLS_CA, TLS_CERT "
       "and TLS_KEY, and the rest are fields of the options");
}

void apply_query(std::string_view query, bool has_database, RedisOptions& options) {
  if (query.find('@') != std::string_view::npos) {
    fail("an @ in the query of a URL: if the ? belongs to a user or password, write it as %3F");
  }
  std::optional<std::string_view> rest = query;
  while (rest) {
    std::string_view option = *rest;
    rest = take_tail(option, '&');
    if (option.empty()) continue;
    std::string_view value = option;
    if (!take_prefix(value, "db=")) fail_at_query(option);
    const int database = parse_database(value);
    if (has_database && database != options.database) fail("a URL must name one database only");
    options.database = database;
    has_database = true;
  }
}

/// In an address no @ makes sense, so the last one ends user and password, whatever is in these. A
/// ? that may belong to either is taken for the beginning of the query.
void apply_tcp(std::string_view text, RedisOptions& options) {
  std::optional<std::string_view> query;
  std::string_view head = text;
  const auto tail = take_tail(head, '?');
  const auto last_at = text.rfind('@');
  const bool query_is_last = last_at == std::string_view::npos || last_at < head.size();
  if (tail && (query_is_last || is_address(head.substr(head.rfind('@') + 1)))) {
    query = tail;
    text = head;
  }
  take_user_info(text, text.rfind('@'), options);
  if (!query) query = take_tail(text, '?');
  const bool has_database = apply_address(text, options);
  if (query) apply_query(*query, has_database, options);
  options.unix_socket.clear();
}

/// Of a cluster, where there is one database only.
void apply_cluster(std::string_view text, RedisOptions& options) {
  take_user_info(text, text.rfind('@'), options);
  if (text.find_first_of("/?") != std::string_view::npos) {
    fail("a URL of a cluster names only its nodes: redis+cluster://host:port,host:port");
  }
  options.cluster = percent_decode(text, "host");
  try {
    parse_host_list(options.cluster, redis_port);
  } catch (const std::invalid_argument& /*which quotes what may be a password*/) {
    fail(
        "the nodes in a URL of a cluster must be host:port,host:port; if this is about a user and "
        "a password, they end with an @, and special characters in them are written as % and two "
        "hexadecimal digits");
  }
}

void apply_unix(std::string_view text, RedisOptions& options) {
  // A path may contain an @, and is told from user and password by its first /.
  if (!text.starts_with('/')) take_user_info(text, text.find("@/"), options);
  const auto query = take_tail(text, '?');
  if (!text.starts_with('/')) fail("a unix:// URL needs an absolute path: unix:///path/to/socket");
  options.unix_socket = percent_decode(text, "path");
  if (query) apply_query(*query, false, options);
}

}  // namespace

void apply_redis_url(std::string_view url, RedisOptions& options) {
  if (url.find('\0') != std::string_view::npos) fail("a URL must not contain a zero byte");
  RedisOptions result = options;
  result.cluster.clear();
  if (take_prefix(url, "redis://")) {
    apply_tcp(url, result);
  } else if (take_prefix(url, "rediss://")) {
    apply_tcp(url, result);
    result.tls = true;
  } else if (take_prefix(url, "redis+cluster://")) {
    apply_cluster(url, result);
  } else if (take_prefix(url, "rediss+cluster://")) {
    apply_cluster(url, result);
    result.tls = true;
  } else if (take_prefix(url, "unix://")) {
    apply_unix(url, result);
  } else {
    fail(
        "a URL must begin with redis://, rediss://, unix://, redis+cluster:// or "
        "rediss+cluster://");
  }
  options = std::move(result);
}

}  // namespace mesh::config
