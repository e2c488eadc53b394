#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include <mesh/codec/nlohmann.hpp>
#include <mesh/mesh_service.hpp>
#include <mesh/message_map.hpp>
#include <nlohmann/json.hpp>

namespace mesh::test {

struct StatusRequest {
  bool verbose = false;
};
struct StatusReply {
  std::string status;
  double uptime = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(StatusRequest, verbose)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(StatusReply, status, uptime)

struct Text {
  std::string text;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Text, text)

struct Item {
  std::string name;
  double price = 0;
};
struct Order {
  std::vector<Item> items;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Item, name, price)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Order, items)

/// Satisfies the type requirements of a payload, but refuses to be converted.
struct Opaque {
  std::string content;
};
inline void to_json(nlohmann::json& /*document*/, const Opaque& /*value*/) {
  throw std::logic_error("Opaque was serialized");
}
inline void from_json(const nlohmann::json& /*document*/, Opaque& /*value*/) {
  throw std::logic_error("Opaque was deserialized");
}

using Messages =
    MessageMap<Message<"getStatus", StatusRequest, StatusReply>, Message<"echo", Text, Text>,
               Message<"order", Order, Order>, Message<"untyped", nlohmann::json, nlohmann::json>,
               Message<"nothing", void, void>, Message<"tell", Text, void>,
               Message<"ask", void, Text>, Message<"opaque", Opaque, Opaque>>;

using Broadcasts = BroadcastMap<Broadcast<"news", Text>, Broadcast<"signal", void>,
                                Broadcast<"anything", nlohmann::json>, Broadcast<"hidden", Opaque>>;

using Service = MeshService<Messages, Broadcasts>;

inline Text text_of(std::string content) {
  Text result;
  result.text = std::move(content);
  return result;
}

}  // namespace mesh::test
