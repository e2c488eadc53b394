// One process of the mesh under test. chaos_run starts it; see README.md.
//
// SIGTERM stops it in good order, SIGUSR1 stops its members and starts them again.

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/strand.hpp>

#include "event_log.hpp"
#include "member.hpp"
#include "node_options.hpp"
#include "sampler.hpp"

namespace asio = boost::asio;
using mesh::chaos::Member;
using Members = std::vector<std::shared_ptr<Member>>;

namespace {

void parse_arguments(CLI::App& app, mesh::chaos::NodeOptions& options) {
  app.add_option("--name", options.name, "Name, unique in the run")->required();
  app.add_option("--log", options.log, "File of the event log")->required();
  app.add_option("--key", options.key, "Name of the mesh");
  app.add_option("--members", options.members, "Nodes in this process");
  app.add_option("--threads", options.threads, "Threads of the executor");
  app.add_option("--rate", options.rate, "Calls per second and member");
  app.add_option("--scale", options.scale, "Stretches every duration");
  app.add_option("--port", options.port, "Port of Redis on 127.0.0.1");
  app.add_option("--sentinel-port", options.sentinel_port, "Port of Sentinel on 127.0.0.1");
  app.add_option("--sentinel-name", options.sentinel_name, "What Sentinel calls the master");
  app.add_option_function<std::vector<std::string>>(
      "--cluster",
      [&options](const std::vector<std::string>& ports) {
        for (const std::string& pair : ports) {
          const std::size_t split = pair.find('=');
          options.cluster.emplace(std::stoi(pair), std::stoi(pair.substr(split + 1)));
        }
      },
      "A port of a node of the cluster, and the one that leads there on 127.0.0.1: A=B");
  app.add_flag("--protocol-thread", options.protocol_thread,
               "Gives the protocol a thread that handlers do not run on");
}

/// Outlives all nodes whose protocol runs on it.
class ProtocolThread {
 public:
  ~ProtocolThread() { context_.stop(); }

  asio::any_io_executor executor() { return context_.get_executor(); }

  /// Waits until all is done that the nodes, which are destroyed, have left.
  void run_out() {
    work_.reset();
    thread_.join();
  }

 private:
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{asio::make_work_guard(context_)};
  std::jthread thread_{[this] { context_.run(); }};
};

void listen(asio::signal_set& signals, const Members& members) {
  signals.async_wait([&signals, members](const boost::system::error_code& error, int number) {
    if (error) return;
    const auto wish = number == SIGUSR1 ? Member::Wish::restart : Member::Wish::stop;
    for (const auto& member : members) member->ask(wish);
    listen(signals, members);
  });
}

Members create_members(asio::io_context& context, const mesh::chaos::NodeOptions& options,
                       mesh::chaos::EventLog& log) {
  Members members;
  for (std::size_t i = 0; i < options.members; ++i) {
    members.push_back(std::make_shared<Member>(context.get_executor(), options, i, log));
  }
  return members;
}

void run_all(asio::io_context& context, const Members& members, std::size_t threads,
             mesh::chaos::EventLog& log) {
  asio::signal_set signals(asio::make_strand(context), SIGTERM, SIGUSR1);
  listen(signals, members);
  log.write("ready");
  auto running = std::make_shared<std::atomic<std::size_t>>(members.size());
  for (const auto& member : members) {
    asio::co_spawn(member->strand(), member->run(),
                   [&signals, running](const std::exception_ptr& error) {
                     if (error) std::rethrow_exception(error);
                     if (--*running > 0) return;
                     asio::post(signals.get_executor(), [&signals] { signals.cancel(); });
                   });
  }
  std::vector<std::jthread> others;
  for (std::size_t i = 1; i < threads; ++i) others.emplace_back([&context] { context.run(); });
  context.run();
}

}  // namespace

int main(int argc, char** argv) try {
  mesh::chaos::NodeOptions options;
  CLI::App app{"A process of the mesh under test."};
  parse_arguments(app, options);
  CLI11_PARSE(app, argc, argv);

  mesh::chaos::EventLog log(options.log);
  log.write(
      "process",
      {{"pid", getpid()}, {"name", options.name}, {"protocol_thread", options.protocol_thread}});
  ProtocolThread protocol;
  if (options.protocol_thread) options.protocol_executor = protocol.executor();
  asio::io_context context(static_cast<int>(options.threads));
  {
    const Members members = create_members(context, options, log);
    const mesh::chaos::Sampler sampler(members, log);
    run_all(context, members, options.threads, log);
  }
  protocol.run_out();
  log.write("exit");
  return 0;
} catch (const std::exception& error) {
  std::cerr << "chaos_node: " << error.what() << '\n';
  return 1;
}
