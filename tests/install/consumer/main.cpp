// The program of the documentation, as a user would write it: two nodes, calls between them.

#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <mesh/mesh.hpp>
#include <nlohmann/json.hpp>

namespace asio = boost::asio;
using namespace std::chrono_literals;

struct StatusRequest {
  bool verbose = false;
};
struct StatusReply {
  std::string status;
  double uptime = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(StatusRequest, verbose)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(StatusReply, status, uptime)

struct InvalidateRequest {
  std::string key;
};
struct InvalidateReply {
  int removed = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(InvalidateRequest, key)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(InvalidateReply, removed)

using MyMessages =
    mesh::MessageMap<mesh::Message<"getStatus", StatusRequest, StatusReply>,
                     mesh::Message<"invalidateCache", InvalidateRequest, InvalidateReply>>;

void check(bool condition, const char* what) {
  if (!condition) throw std::runtime_error(std::string("unexpected ") + what);
}

asio::awaitable<void> run() {
  mesh::MeshService<MyMessages> node{co_await asio::this_coro::executor, "my-app"};
  mesh::MeshService<MyMessages> other{co_await asio::this_coro::executor, "my-app"};

  other.register_handler<"getStatus">([](StatusRequest request) -> asio::awaitable<StatusReply> {
    co_return StatusReply{.status = request.verbose ? "up and running" : "up", .uptime = 1.5};
  });
  other.register_handler<"invalidateCache">([](const InvalidateRequest& request) {
    return InvalidateReply{.removed = static_cast<int>(request.key.size())};
  });
  node.set_node_cleaned_up_callback([](mesh::InstanceId id) -> asio::awaitable<void> {
    std::cout << "node " << id << " was removed\n";
    co_return;
  });
  co_await node.start();
  co_await other.start();

  const mesh::InstanceId target = other.instance_id();
  StatusRequest request{.verbose = true};
  StatusReply first = co_await node.invoke<"getStatus">(target, request);
  check(first.status == "up and running" && first.uptime == 1.5, "status");
  StatusReply second = co_await node.invoke<"getStatus">(target, request, {.timeout = 2s});
  check(second.status == first.status, "second status");
  InvalidateRequest invalidate{.key = "users"};
  InvalidateReply reply = co_await node.invoke<"invalidateCache">(target, invalidate);
  check(reply.removed == 5, "reply");
  std::string complaint;
  try {
    co_await node.invoke_raw(target, "getStatus", R"({"verbose": 5})");
  } catch (const mesh::MeshHandlerError& error) {
    complaint = error.what();
  }
  check(complaint.find("/verbose") != std::string::npos, "complaint");

  int others = 0;
  for (const mesh::MeshNode& listed : co_await node.get_nodes()) {
    check(listed.self == (listed.instance_id == node.instance_id()), "self flag");
    check(!listed.hostname.empty(), "host name");
    if (!listed.self) ++others;
  }
  check(others == 1, "number of nodes");

  co_await other.stop();
  co_await node.stop();
}

int main() {
  std::exception_ptr failure;
  asio::io_context context;
  asio::co_spawn(context, run(), [&](std::exception_ptr error) { failure = error; });
  context.run();
  try {
    if (failure) std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return EXIT_FAILURE;
  }
  std::cout << "ok\n";
}
