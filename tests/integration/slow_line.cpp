#include "slow_line.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>
#include <support/coroutine.hpp>

namespace mesh::test::faults {

SlowLine::SlowLine(const RedisServer& server, std::size_t bytes_per_second)
    : options_(server.options()), server_port_(server.port()), bytes_per_second_(bytes_per_second) {
  const Tcp::endpoint here(boost::asio::ip::address_v4::loopback(), 0);
  acceptor_.open(here.protocol());
  // Little is to be on its way.
  acceptor_.set_option(boost::asio::socket_base::receive_buffer_size(4096));
  acceptor_.bind(here);
  acceptor_.listen();
  options_.port = acceptor_.local_endpoint().port();
  boost::asio::co_spawn(context_, accept(), boost::asio::detached);
  thread_ = std::thread([this] { context_.run(); });
}

SlowLine::~SlowLine() {
  context_.stop();
  thread_.join();
}

RedisOptions SlowLine::options() const { return options_; }

boost::asio::awaitable<void> SlowLine::accept() {
  constexpr std::size_t all = 65536;
  constexpr std::chrono::milliseconds turn{50};
  for (;;) {
    auto client =
        std::make_shared<Tcp::socket>(co_await acceptor_.async_accept(boost::asio::use_awaitable));
    auto server = std::make_shared<Tcp::socket>(context_);
    const Tcp::endpoint redis(boost::asio::ip::address_v4::loopback(), server_port_);
    co_await server->async_connect(redis, boost::asio::use_awaitable);
    const std::size_t in_a_turn = bytes_per_second_ * 50 / 1000;
    boost::asio::co_spawn(context_, pump(client, server, in_a_turn, turn), boost::asio::detached);
    boost::asio::co_spawn(context_, pump(server, client, all, {}), boost::asio::detached);
  }
}

boost::asio::awaitable<void> SlowLine::pump(std::shared_ptr<Tcp::socket> from,
                                            std::shared_ptr<Tcp::socket> to, std::size_t most,
                                            std::chrono::milliseconds pause) {
  std::vector<char> bytes(most);
  try {
    for (;;) {
      const std::size_t size =
          co_await from->async_read_some(boost::asio::buffer(bytes), boost::asio::use_awaitable);
      const auto read = boost::asio::buffer(bytes, size);
      co_await boost::asio::async_write(*to, read, boost::asio::use_awaitable);
      if (pause.count() > 0) co_await sleep_for(pause);
    }
  } catch (const boost::system::system_error&) {
    boost::system::error_code ignored;
    from->close(ignored);
    to->close(ignored);
  }
}

}  // namespace mesh::test::faults
