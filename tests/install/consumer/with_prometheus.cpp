// A node whose figures are given to Prometheus.

#include <exception>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>

#include <prometheus/text_serializer.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <mesh/mesh.hpp>
#include <mesh/metrics/prometheus.hpp>

namespace asio = boost::asio;

using Messages = mesh::MessageMap<mesh::Message<"nothing", void, void>>;

asio::awaitable<void> run() {
  mesh::MeshService<Messages> node{co_await asio::this_coro::executor, "my-watched-app"};
  const mesh::PrometheusCollectable metrics([&node] { return node.stats(); });
  co_await node.start();
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, metrics.Collect());
  co_await node.stop();
  if (text.str().find("\nmesh_connected 1\n") == std::string::npos)
    throw std::runtime_error("no metrics were given");
}

int main() try {
  asio::io_context context;
  asio::co_spawn(context, run(), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
  context.run();
  std::cout << "ok, with Prometheus\n";
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
