#include <config/host_list.hpp>

#include <algorithm>
#include <stdexcept>

#include <config/number.hpp>

namespace mesh::config {

namespace {

[[noreturn]] void fail(std::string_view entry, const std::string& expected) {
  throw std::invalid_argument("\"" + std::string(entry) + "\": " + expected);
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

HostAndPort parse_entry(std::string_view entry, std::uint16_t default_port) {
  std::string_view host = entry;
  std::string_view port;  // with its colon
  if (entry.starts_with('[')) {
    const auto close = entry.find(']');
    if (close == std::string_view::npos) fail(entry, "an IPv6 address must end with ]");
    host = entry.substr(1, close - 1);
    port = entry.substr(close + 1);
  } else if (std::ranges::count(entry, ':') == 1) {
    host = entry.substr(0, entry.find(':'));
    port = entry.substr(host.size());
  }
  if (host.empty()) fail(entry, "expected a host name or an address");
  if (port.empty()) return {std::string(host), default_port};
  const auto number =
      port.starts_with(':') ? parse_number(port.substr(1), 1, largest_port) : std::nullopt;
  if (!number) fail(entry, "expected host:port with a port from 1 to 65535");
  return {std::string(host), static_cast<std::uint16_t>(*number)};
}

}  // namespace

std::vector<HostAndPort> parse_host_list(std::string_view text, std::uint16_t default_port) {
  // What stands before it may be a password, which no error may quote.
  if (text.find('@') != std::string_view::npos) {
    fail("@", "user and password do not belong here; they have settings of their own");
  }
  std::vector<HostAndPort> entries;
  for (;;) {
    const auto comma = text.find(',');
    entries.push_back(parse_entry(trimmed(text.substr(0, comma)), default_port));
    if (comma == std::string_view::npos) return entries;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace mesh::config
