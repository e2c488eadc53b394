#pragma once

#include <string>

#include <boost/asio/awaitable.hpp>
#include <mesh/mesh.hpp>
#include <nlohmann/json.hpp>

namespace asio = boost::asio;

struct Greeting {
  std::string name;
};
struct Reply {
  std::string text;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Greeting, name)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Reply, text)

using Messages = mesh::MessageMap<mesh::Message<"greet", Greeting, Reply>>;
using Broadcasts = mesh::BroadcastMap<mesh::Broadcast<"news", Greeting>>;
using Service = mesh::MeshService<Messages, Broadcasts>;
