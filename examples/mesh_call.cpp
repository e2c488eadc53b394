// Calls one handler of one node from the shell and prints the reply.
//
//   mesh_call demo 1 add '{"a": 2, "b": 3}'        prints {"sum":5.0}
//
// The exit status tells the class of the error: see --help, or the table below.
// Redis is found through MESH_REDIS_HOST, MESH_REDIS_PORT and so on: see docs/configuration.md.

#include <chrono>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <mesh/core.hpp>

#include "command_line.hpp"
#include "http_status.hpp"

namespace asio = boost::asio;

using Node = mesh::MeshService<mesh::MessageMap<>>;

struct Call {
  std::string key;
  mesh::InstanceId id = 0;
  std::string type;
  std::string json;
};

// A caller is a node too: replies come back to its own channel.
asio::awaitable<void> run(Call call, mesh::MeshOptions options) {
  Node node{co_await asio::this_coro::executor, call.key, std::move(options)};
  co_await node.start();

  std::exception_ptr failure;  // a catch block cannot co_await, so stopping waits until after it
  try {
    // The name is known at run time only, so JSON goes in and comes out as text.
    const std::string reply = co_await node.invoke_raw(call.id, call.type, call.json);
    std::cout << reply << std::endl;
  } catch (const mesh::MeshError&) {
    failure = std::current_exception();
  }
  co_await node.stop();
  if (failure) std::rethrow_exception(failure);
}

constexpr const char* exit_status_help =
    "Exit status:\n"
    "  0  the reply was printed\n"
    "  1  any other failure\n"
    "  2  wrong usage or configuration\n"
    "  3  MeshRequestTimeoutError: no sign of life within the timeout\n"
    "  4  MeshNodeUnreachableError: nobody listens under this id\n"
    "  5  MeshHandlerError: the handler failed\n"
    "  6  MeshNoHandlerError: the node has no handler for TYPE\n"
    "  7  MeshConnectionError: Redis cannot be reached\n"
    "  8  MeshRedisError: Redis refused a command\n"
    "  9  MeshLimitError: a limit of this node was hit\n"
    " 10  MeshEncodeError: the request cannot be put into JSON\n"
    " 11  MeshRefusedError: the node is busy, stops, or has other reasons\n";

// Ordered from derived to base, as catch clauses must be.
int exit_status(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const mesh::MeshNodeUnreachableError&) {
    return 4;
  } catch (const mesh::MeshRequestTimeoutError&) {
    return 3;
  } catch (const mesh::MeshHandlerError&) {
    return 5;
  } catch (const mesh::MeshNoHandlerError&) {
    return 6;
  } catch (const mesh::MeshConnectionError&) {
    return 7;
  } catch (const mesh::MeshRedisError&) {
    return 8;
  } catch (const mesh::MeshLimitError&) {
    return 9;
  } catch (const mesh::MeshEncodeError&) {
    return 10;
  } catch (const mesh::MeshRefusedError&) {
    return 11;
  } catch (const std::invalid_argument&) {  // wrong options or environment
    return 2;
  } catch (...) {
    return 1;
  }
}

int main(int argc, char** argv) try {
  mesh::MeshOptions options;
  options.redis = mesh::RedisOptions::from_env("MESH", example::application_name);
  Call call;
  call.json = "null";

  CLI::App app{"Calls the handler TYPE of node ID in the mesh KEY and prints the reply as JSON."};
  app.add_option("KEY", call.key, "Name of the mesh")->required();
  app.add_option("ID", call.id, "Instance id of the node to call")->required();
  app.add_option("TYPE", call.type, "Name of the message")->required();
  app.add_option("JSON", call.json, "The request's data")->capture_default_str();
  example::add_milliseconds(app, "--timeout-ms", options.request_timeout,
                            "Time without a sign of life after which the call fails");
  app.footer(exit_status_help);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;  // 0 after --help
  }

  asio::io_context context;
  asio::co_spawn(context, run(call, options), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
  context.run();
  return 0;
} catch (const mesh::MeshError& error) {
  std::cerr << "mesh_call: " << error.what() << "\nIts handler ran: " << to_string(error.executed())
            << ". As an HTTP status: " << example::http_status(std::current_exception()) << '\n';
  return exit_status(std::current_exception());
} catch (const std::exception& error) {
  std::cerr << "mesh_call: " << error.what() << '\n';
  return exit_status(std::current_exception());
}
