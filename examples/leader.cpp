// Elects one leader among all processes that run with the same key, without a mesh.
//
//   leader nightly-report          start several; stop or kill the leader and watch another follow
//
// Redis is found through MUTEX_REDIS_HOST, MUTEX_REDIS_PORT and so on: see docs/configuration.md.

#include <csignal>
#include <exception>
#include <iostream>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <mesh/leader_service.hpp>

#include "command_line.hpp"

namespace asio = boost::asio;

asio::awaitable<void> run(std::string key, mesh::LeaderOptions options, mesh::RedisOptions redis) {
  auto executor = co_await asio::this_coro::executor;
  asio::signal_set signals{executor, SIGINT, SIGTERM};

  mesh::LeaderService leader{executor, std::move(key), options, std::move(redis)};
  leader.set_became_leader_callback([&leader] {
    // Give the token to whatever the leader writes to: it can refuse those of earlier terms.
    std::cout << "leading, term " << leader.fencing_token() << std::endl;
  });
  leader.set_lost_leader_callback([] { std::cout << "no longer leading" << std::endl; });

  leader.start();
  std::cout << "taking part in the election" << std::endl;
  co_await signals.async_wait(asio::use_awaitable);
  co_await leader.stop();
  std::cout << "stopped in good order" << std::endl;
}

int main(int argc, char** argv) try {
  mesh::RedisOptions redis = mesh::RedisOptions::from_env("MUTEX", example::application_name);
  mesh::LeaderOptions options;
  std::string key;

  CLI::App app{"Takes part in the election of a leader for KEY."};
  app.add_option("KEY", key, "What is led")->required();
  example::add_milliseconds(app, "--ttl-ms", options.ttl,
                            "How long leadership lasts without renewal");
  example::add_milliseconds(app, "--renewal-ms", options.renewal_interval,
                            "How often the leader renews");
  example::add_milliseconds(app, "--retry-ms", options.retry_delay,
                            "How often a follower tries to take over");
  CLI11_PARSE(app, argc, argv);

  asio::io_context context;
  asio::co_spawn(context, run(key, options, redis), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
  context.run();
  return 0;
} catch (const std::exception& error) {
  std::cerr << "leader: " << error.what() << '\n';
  return 1;
}
