// A node of the mesh that answers bench_mesh_caller.
#include <cstdint>
#include <exception>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <load.hpp>
#include <mesh_messages.hpp>

namespace {

using namespace mesh::bench;
namespace asio = boost::asio;

asio::awaitable<void> serve(Service& service) {
  service.register_handler<"echo">([](const Echo& message) { return message; });
  co_await service.start();
  nlohmann::json details;
  details["id"] = service.instance_id();
  print_ready(details);
}

void run(std::uint16_t port) {
  asio::io_context context{1};
  Service service(context.get_executor(), mesh_key, mesh_options(port));
  asio::co_spawn(context, serve(service), [](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
  });
  context.run();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Answers the calls of bench_mesh_caller."};
  std::uint16_t port = 0;
  app.add_option("--redis", port, "Port of Redis")->required();
  return run_program(app, argc, argv, [&] { run(port); });
}
