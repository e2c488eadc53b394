#include <redis/client.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <support/coroutine.hpp>
#include <support/log_capture.hpp>
#include <support/redis_server.hpp>
#include <support/run_coroutine.hpp>

namespace mesh::redis {
namespace {

using namespace std::chrono_literals;

/// A client whose answers are noted in order.
class ClientTest : public ::testing::Test {
 protected:
  static constexpr std::size_t message_size = 100'000;

  void open(const asio::any_io_executor& executor, std::size_t queued_bytes) {
    RedisOptions options = server_.admin_options();
    options.unix_socket = server_.socket();  // where the system keeps little
    client_ =
        std::make_shared<Client>(Strand(executor), options, "test", queued_bytes, log_.sink());
    client_->open();
  }
  asio::awaitable<void> close() {
    client_->close();
    co_await client_->join_until(Clock::now() + 10s);
    client_.reset();  // it must not outlive the context
  }

  void publish(std::size_t count, std::size_t size = message_size) {
    for (std::size_t i = 0; i < count; ++i) {
      client_->publish("channel", std::string(size, 'x'), Clock::now() + 1min, note("payload"));
    }
  }
  void send_control() {
    client_->submit(Command{"ECHO", std::string(1000, 'x')}, Clock::now() + 1min, note("control"),
                    Priority::control);
  }
  std::size_t control_position() const {
    return static_cast<std::size_t>(std::ranges::find(answers_, "control") - answers_.begin());
  }

  test::RedisServer server_;
  test::LogCapture log_;
  std::shared_ptr<Client> client_;
  std::vector<std::string> answers_;

 private:
  OutcomeCallback note(const char* name) {
    return [this, name](const Outcome& outcome) {
      answers_.emplace_back(outcome.failure == Failure::overflow ? "overflow" : name);
    };
  }
};

TEST_F(ClientTest, ControlOvertakesWhatIsNotWritten) {
  test::run_coroutine([this]() -> asio::awaitable<void> {
    open(co_await asio::this_coro::executor, std::size_t{64} << 20U);
    co_await client_->wait_ready(Clock::now() + 10s);
    server_.pause();
    publish(50);
    send_control();
    server_.resume();
    const auto all = [this] { return answers_.size() == 51; };
    EXPECT_TRUE(co_await test::eventually(all));
    EXPECT_LT(control_position(), 10U);
    co_await close();
  });
}

TEST_F(ClientTest, ControlIsNotRefusedForPayload) {
  test::run_coroutine([this]() -> asio::awaitable<void> {
    open(co_await asio::this_coro::executor, 10 * message_size);
    co_await client_->wait_ready(Clock::now() + 10s);
    server_.pause();
    publish(20);
    publish(300, 500);
    EXPECT_FALSE(answers_.empty());
    EXPECT_EQ(answers_.back(), "overflow");
    answers_.clear();
    send_control();
    EXPECT_TRUE(answers_.empty());
    server_.resume();
    const auto is_answered = [this] { return control_position() < answers_.size(); };
    EXPECT_TRUE(co_await test::eventually(is_answered));
    co_await close();
  });
}

TEST_F(ClientTest, ControlGoesFirstOnANewConnection) {
  test::run_coroutine([this]() -> asio::awaitable<void> {
    server_.kill();
    open(co_await asio::this_coro::executor, 10 * message_size);
    publish(20);
    publish(300, 500);
    answers_.clear();
    send_control();
    EXPECT_TRUE(answers_.empty());
    server_.start();
    const auto some = [this] { return answers_.size() > 5; };
    EXPECT_TRUE(co_await test::eventually(some));
    EXPECT_EQ(control_position(), 0U);
    co_await close();
  });
}

}  // namespace
}  // namespace mesh::redis
