#include <redis/redirection.hpp>

#include <string>
#include <string_view>

#include <config/number.hpp>
#include <redis/slot.hpp>

namespace mesh::redis {

namespace {

bool is_error_of(const Reply& reply, std::string_view code) {
  return reply.is_error() && reply.text.starts_with(code);
}

/// The next word, of which spaces are the end.
std::string_view take_word(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  if (!text.empty()) text.remove_prefix(1);
  return word;
}

}  // namespace

std::optional<Redirection> parse_redirection(const Reply& reply, const Endpoint& answered_by) {
  if (!reply.is_error()) return std::nullopt;
  std::string_view text = reply.text;
  const std::string_view code = take_word(text);
  if (code != "MOVED" && code != "ASK") return std::nullopt;
  const auto slot = config::parse_number(take_word(text), 0, slot_count - 1);
  const std::string_view address = take_word(text);
  const auto colon = address.rfind(':');  // an IPv6 address has more of them, and no brackets
  if (!slot || colon == std::string_view::npos) return std::nullopt;
  const auto port = config::parse_number(address.substr(colon + 1), 1, config::largest_port);
  if (!port) return std::nullopt;
  std::string host(address.substr(0, colon));
  if (host.empty() || host == "?") host = answered_by.host;
  return Redirection{static_cast<std::uint16_t>(*slot),
                     Endpoint{std::move(host), static_cast<std::uint16_t>(*port), {}},
                     code == "ASK"};
}

bool is_cluster_unrest(const Reply& reply) {
  return is_error_of(reply, "MOVED ") || is_error_of(reply, "ASK ") ||
         is_error_of(reply, "TRYAGAIN ") || is_cluster_down(reply);
}

bool is_cluster_down(const Reply& reply) { return is_error_of(reply, "CLUSTERDOWN "); }

bool is_from_cluster(const Reply& reply) {
  return is_cluster_unrest(reply) || is_error_of(reply, "CROSSSLOT ");
}

}  // namespace mesh::redis
