#include <redis/sentinel.hpp>

#include <config/number.hpp>

namespace mesh::redis {

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
    const std::string& host = reply.elements[0].text;
    const auto port = config::parse_number(reply.elements[1].text, 1, config::largest_port);
    if (!host.empty() && port) return Endpoint{host, static_cast<std::uint16_t>(*port), {}};
  }
  return std::string("Sentinel sent an answer that is not an address");
}

}  // namespace mesh::redis
