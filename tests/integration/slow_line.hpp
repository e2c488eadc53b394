#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <mesh/options.hpp>

#include <support/redis_server.hpp>

namespace mesh::test::faults {

/// A way to Redis on which little a second gets through, but all comes back at once. In a thread
/// of its own.
class SlowLine {
 public:
  SlowLine(const RedisServer& server, std::size_t bytes_per_second);
  ~SlowLine();
  SlowLine(const SlowLine&) = delete;
  SlowLine& operator=(const SlowLine&) = delete;

  /// Options that lead through here.
  RedisOptions options() const;

 private:
  using Tcp = boost::asio::ip::tcp;

  boost::asio::awaitable<void> accept();
  boost::asio::awaitable<void> pump(std::shared_ptr<Tcp::socket> from,
                                    std::shared_ptr<Tcp::socket> to, std::size_t most,
                                    std::chrono::milliseconds pause);

  boost::asio::io_context context_{1};
  RedisOptions options_;
  std::uint16_t server_port_;
  std::size_t bytes_per_second_;
  Tcp::acceptor acceptor_{context_};
  std::thread thread_;
};

}  // namespace mesh::test::faults
