// Some of the nodes of a run: mesh_scaling or mesh_growth starts it and asks for one thing after
// the other, each a line of JSON on standard input; see Population::handle().

#include <unistd.h>

#include <exception>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "population.hpp"

namespace asio = boost::asio;
using mesh::bench::Population;
using nlohmann::json;

namespace {

asio::awaitable<json> answer(Population& population, json request) {
  json result;
  try {
    result = co_await population.handle(request);
    result["ok"] = true;
  } catch (const std::exception& error) {
    result["error"]["message"] = error.what();
  }
  result["seq"] = request.at("seq");
  co_return result;
}

asio::awaitable<void> serve(Population& population) {
  asio::posix::stream_descriptor input(co_await asio::this_coro::executor, STDIN_FILENO);
  std::string buffer;
  boost::system::error_code error;
  for (;;) {
    const std::size_t size =
        co_await asio::async_read_until(input, asio::dynamic_buffer(buffer), '\n',
                                        asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;  // nobody asks any more
    json request = json::parse(buffer.substr(0, size));
    buffer.erase(0, size);
    const json result = co_await answer(population, std::move(request));
    std::cout << result.dump() << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) try {
  mesh::bench::NodeOptions options;
  CLI::App app{"Some of the nodes of a run of mesh_scaling or mesh_growth."};
  app.add_option("--port", options.port, "Port of Redis on 127.0.0.1");
  app.add_option("--cluster", options.cluster, "Nodes of a Redis Cluster, instead of that");
  app.add_flag("--short-times", options.has_short_times, "Shorter intervals");
  CLI11_PARSE(app, argc, argv);

  asio::io_context context(1);
  Population population(context.get_executor(), options);
  asio::co_spawn(context, serve(population), [&context](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
    context.stop();
  });
  context.run();
  return 0;
} catch (const std::exception& error) {
  std::cerr << "mesh_scaling_nodes: " << error.what() << '\n';
  return 1;
}
