// A node whose lines go to a logger of spdlog.

#include <exception>
#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

#include <spdlog/sinks/ostream_sink.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <mesh/log/spdlog.hpp>
#include <mesh/mesh.hpp>

namespace asio = boost::asio;

using Messages = mesh::MessageMap<mesh::Message<"nothing", void, void>>;

asio::awaitable<void> run(std::shared_ptr<spdlog::logger> logger) {
  mesh::MeshOptions options;
  options.log = mesh::spdlog_sink(std::move(logger));
  mesh::MeshService<Messages> node{co_await asio::this_coro::executor, "my-logged-app", options};
  co_await node.start();
  co_await node.stop();
}

int main() try {
  std::ostringstream lines;
  const auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(lines);
  asio::io_context context;
  asio::co_spawn(context, run(std::make_shared<spdlog::logger>("mesh", sink)),
                 [](std::exception_ptr error) {
                   if (error) std::rethrow_exception(error);
                 });
  context.run();
  if (lines.str().find("joined") == std::string::npos)
    throw std::runtime_error("no line was logged");
  std::cout << "ok, with spdlog\n";
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
