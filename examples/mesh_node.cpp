// A long-running node. It answers the requests that mesh_call sends, and says who comes and goes.
//
//   mesh_node demo          Ctrl-C or SIGTERM stops it in good order
//
// Redis is found through MESH_REDIS_HOST, MESH_REDIS_PORT and so on: see docs/configuration.md.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <mesh/mesh.hpp>

#include "command_line.hpp"

namespace asio = boost::asio;
using std::chrono::milliseconds;

// The types of the messages. nlohmann_json turns them into JSON and back.

struct AddRequest {
  double a = 0;
  double b = 0;
};
struct AddReply {
  double sum = 0;
};
struct SlowRequest {
  std::int64_t ms = 0;
};
struct SlowReply {
  std::int64_t sleptMs = 0;  // the name is the field's name on the wire
};
struct FailRequest {
  std::string message;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(AddRequest, a, b)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(AddReply, sum)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(SlowRequest, ms)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(SlowReply, sleptMs)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(FailRequest, message)

using Messages =
    mesh::MessageMap<mesh::Message<"echo", nlohmann::json, nlohmann::json>,  // untyped: any JSON
                     mesh::Message<"add", AddRequest, AddReply>,             //
                     mesh::Message<"slow", SlowRequest, SlowReply>,          //
                     mesh::Message<"fail", FailRequest, void>>;  // no payload in the response
using Node = mesh::MeshService<Messages>;

// One line at a time, at once, also when the output is a file or a pipe.
void say(const std::string& line) { std::cout << line << std::endl; }

void register_handlers(Node& node) {
  node.register_handler<"echo">([](nlohmann::json data) { return data; });

  node.register_handler<"add">([](const AddRequest& r) { return AddReply{r.a + r.b}; });

  // A handler that waits is a coroutine. While it runs, its caller's timeout is kept alive.
  node.register_handler<"slow">([](SlowRequest request) -> asio::awaitable<SlowReply> {
    asio::steady_timer timer{co_await asio::this_coro::executor, milliseconds(request.ms)};
    co_await timer.async_wait(asio::use_awaitable);
    co_return SlowReply{request.ms};
  });

  // What a handler throws reaches the caller as MeshHandlerError with this message.
  node.register_handler<"fail">([](const FailRequest& r) { throw std::runtime_error(r.message); });
}

void report_events(Node& node) {
  node.leader().set_became_leader_callback([] { say("leader: this node leads now"); });
  node.leader().set_lost_leader_callback([] { say("leader: this node no longer leads"); });
  node.set_node_cleaned_up_callback([](mesh::InstanceId id) {
    say("leader: removed node " + std::to_string(id) + ", which had stopped its heartbeats");
  });
  node.set_reregistered_callback([] { say("registered again after being given up for dead"); });
}

// Compares the list of nodes with the previous one, again and again until cancelled.
asio::awaitable<void> report_membership(Node& node, milliseconds interval) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  std::vector<mesh::MeshNode> known;
  const auto contains = [](const std::vector<mesh::MeshNode>& nodes, mesh::InstanceId id) {
    return std::any_of(nodes.begin(), nodes.end(),
                       [id](const mesh::MeshNode& other) { return other.instance_id == id; });
  };
  for (;;) {
    try {
      const std::vector<mesh::MeshNode> nodes = co_await node.get_nodes();
      for (const mesh::MeshNode& n : nodes) {
        if (n.self || contains(known, n.instance_id)) continue;
        say("joined: node " + std::to_string(n.instance_id) + " @ " + n.hostname);
      }
      for (const mesh::MeshNode& n : known) {
        if (contains(nodes, n.instance_id)) continue;
        say("left: node " + std::to_string(n.instance_id));
      }
      known = nodes;
    } catch (const mesh::MeshError& error) {  // Redis is away: the service reconnects by itself
      say(std::string("cannot list the nodes: ") + error.what());
    }
    timer.expires_after(interval);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<void> run(std::string key, mesh::MeshOptions options) {
  auto executor = co_await asio::this_coro::executor;
  asio::signal_set signals{executor, SIGINT, SIGTERM};  // before start: none is missed

  Node node{executor, std::move(key), options};
  register_handlers(node);
  report_events(node);

  co_await node.start();
  say("instance " + std::to_string(node.instance_id()));

  // Whichever ends first cancels the other; only a signal ends here.
  using asio::experimental::awaitable_operators::operator||;
  co_await (signals.async_wait(asio::use_awaitable) ||
            report_membership(node, options.heartbeat_interval));

  co_await node.stop();
  say("stopped in good order");
}

int main(int argc, char** argv) try {
  mesh::MeshOptions options;
  options.redis = mesh::RedisOptions::from_env("MESH", example::application_name);
  std::string key;

  CLI::App app{"Runs a node of the mesh KEY that answers echo, add, slow and fail."};
  app.add_option("KEY", key, "Name of the mesh to join")->required();
  example::add_milliseconds(app, "--heartbeat-ms", options.heartbeat_interval,
                            "How often this node says it is alive");
  example::add_milliseconds(app, "--ttl-ms", options.node_ttl,
                            "Silence after which the leader removes a node");
  example::add_milliseconds(app, "--timeout-ms", options.request_timeout,
                            "Default timeout of calls");
  example::add_milliseconds(app, "--leader-ttl-ms", options.leader.ttl,
                            "How long leadership lasts without renewal");
  example::add_milliseconds(app, "--leader-renewal-ms", options.leader.renewal_interval,
                            "How often the leader renews");
  example::add_milliseconds(app, "--leader-retry-ms", options.leader.retry_delay,
                            "How often a follower tries to take over");
  CLI11_PARSE(app, argc, argv);

  asio::io_context context;
  asio::co_spawn(context, run(key, options), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
  context.run();
  return 0;
} catch (const std::exception& error) {
  std::cerr << "mesh_node: " << error.what() << '\n';
  return 1;
}
