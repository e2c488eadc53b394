#include <redis/sentinel.hpp>

#include <charconv>
#include <cstddef>
#include <string_view>
#include <system_error>
#include <utility>

#include <config/host_list.hpp>
#include <config/number.hpp>

namespace mesh::redis {

namespace {

std::optional<Endpoint> to_endpoint(const std::string& host, const std::string& port) {
  const auto number = config::parse_number(port, 1, config::largest_port);
  if (host.empty() || !number) return std::nullopt;
  return Endpoint{host, static_cast<std::uint16_t>(*number), {}};
}

// Replies of Sentinel are flat lists of names and values.
std::string find_value(const Reply& reply, std::string_view name) {
  for (std::size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
    if (reply.elements[i].text == name) return reply.elements[i + 1].text;
  }
  return {};
}

}  // namespace

std::vector<Endpoint> parse_endpoints(std::string_view list, std::uint16_t default_port) {
  std::vector<Endpoint> endpoints;
  for (auto& entry : config::parse_host_list(list, default_port)) {
    endpoints.push_back(Endpoint{std::move(entry.host), entry.port, {}});
  }
  return endpoints;
}

std::vector<Endpoint> sentinel_endpoints(const RedisOptions& options) {
  return parse_endpoints(options.sentinel_host, options.sentinel_port);
}

Command sentinel_master_query(const std::string& master_name) {
  return {"SENTINEL", "get-master-addr-by-name", master_name};
}

std::variant<Endpoint, std::string> parse_sentinel_reply(const Reply& reply,
                                                         const std::string& master_name) {
  if (reply.is_error()) return "Sentinel refused: " + reply.text;
  if (reply.kind == Reply::Kind::nil) {
    return "Sentinel knows no master called \"" + master_name + "\"";
  }
  if (reply.kind == Reply::Kind::array && reply.elements.size() == 2) {
    const auto endpoint = to_endpoint(reply.elements[0].text, reply.elements[1].text);
    if (endpoint) return *endpoint;
  }
  return std::string("Sentinel sent an answer that is not an address");
}

Command sentinel_epoch_query(const std::string& master_name) {
  return {"SENTINEL", "MASTER", master_name};
}

std::optional<Belief> parse_belief(const Reply& epoch, const Reply& master) {
  const auto named = parse_sentinel_reply(master, "");
  const auto* const endpoint = std::get_if<Endpoint>(&named);
  const std::string text = find_value(epoch, "config-epoch");
  Belief belief;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), belief.epoch);
  if (endpoint == nullptr || result.ec != std::errc{}) return std::nullopt;
  belief.master = *endpoint;
  return belief;
}

}  // namespace mesh::redis
