// A node of the mesh that calls another, with one coroutine for each call in flight.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <load.hpp>
#include <measurement.hpp>
#include <mesh_messages.hpp>
#include <payload.hpp>

namespace {

using namespace mesh::bench;
namespace asio = boost::asio;

class Caller {
 public:
  Caller(asio::io_context& context, std::uint16_t port, mesh::InstanceId target)
      : context_(context),
        service_(context.get_executor(), mesh_key, mesh_options(port)),
        target_(target),
        input_(context, ::dup(STDIN_FILENO)),
        finished_(context) {}

  /// Measures each load that stdin asks for. Between them the node goes on living.
  asio::awaitable<void> serve() {
    co_await service_.start();
    print_ready();
    std::string received;
    for (;;) {
      boost::system::error_code end;
      auto token = asio::redirect_error(asio::use_awaitable, end);
      auto buffer = asio::dynamic_buffer(received);
      const std::size_t size = co_await asio::async_read_until(input_, buffer, '\n', token);
      if (end) break;
      const Load load = parse_load(received.substr(0, size));
      received.erase(0, size);
      const nlohmann::json result = co_await measure(load);
      print_line(result);
    }
    context_.stop();
  }

 private:
  asio::awaitable<nlohmann::json> measure(Load load) {
    Measurement measurement(load);
    running_ = load.in_flight;
    for (std::size_t i = 0; i < load.in_flight; ++i) {
      asio::co_spawn(context_, call_repeatedly(measurement, load.payload),
                     [this](const std::exception_ptr& error) {
                       if (error) std::rethrow_exception(error);
                       if (--running_ == 0) finished_.cancel();
                     });
    }
    finished_.expires_at(asio::steady_timer::time_point::max());
    boost::system::error_code ignored;
    auto token = asio::redirect_error(asio::use_awaitable, ignored);
    co_await finished_.async_wait(token);
    co_return measurement.finish();
  }

  asio::awaitable<void> call_repeatedly(Measurement& measurement, std::size_t size) {
    Echo request;
    request.text = make_payload(size);
    auto begun = Clock::now();
    do {
      stamp(request.text, next_number_++);
      const Echo answer = co_await service_.invoke<"echo">(target_, request);
      const auto now = Clock::now();
      require_echo(request.text, answer.text);
      measurement.add(begun, now);
      begun = now;
    } while (measurement.is_open(begun));
  }

  asio::io_context& context_;
  Service service_;
  mesh::InstanceId target_;
  asio::posix::stream_descriptor input_;
  asio::steady_timer finished_;
  std::size_t running_ = 0;
  std::uint64_t next_number_ = 0;
};

void run(std::uint16_t port, mesh::InstanceId target) {
  asio::io_context context{1};
  Caller caller(context, port, target);
  asio::co_spawn(context, caller.serve(), [](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
  });
  context.run();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Measures calls to bench_mesh_handler."};
  std::uint16_t port = 0;
  mesh::InstanceId target = 0;
  app.add_option("--redis", port, "Port of Redis")->required();
  app.add_option("--target", target, "Id of the node to call")->required();
  return run_program(app, argc, argv, [&] { run(port, target); });
}
