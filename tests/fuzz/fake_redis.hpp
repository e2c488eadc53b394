#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <support/temp_dir.hpp>

namespace mesh::fuzz {

namespace asio = boost::asio;

using Command = std::vector<std::string>;

/// What a connection sends in answer to a command, and then.
struct Answer {
  std::string bytes;
  bool hang_up = false;
};

/// What Redis would say to this command of a node, as far as the node cares.
std::string plausible_answer(const Command& command);

/// Enough of Redis for one node, on a unix socket, in the io_context of the test. Nothing is
/// stored: each answer is what a node expects.
class FakeRedis {
 public:
  using AnswerFunction =
      std::function<Answer(std::size_t connection, std::size_t index, const Command& command)>;
  using PublishFunction = std::function<void(std::string_view channel, std::string_view message)>;

  explicit FakeRedis(asio::io_context& context);
  ~FakeRedis();
  FakeRedis(const FakeRedis&) = delete;
  FakeRedis& operator=(const FakeRedis&) = delete;

  const std::string& path() const { return path_; }

  /// Decides about answers, with the number of the connection and of the command on it, both from
  /// 0. Without it they are plausible.
  void set_answer(AnswerFunction answer) { answer_ = std::move(answer); }
  /// Hears what is published.
  void set_on_publish(PublishFunction on_publish) { on_publish_ = std::move(on_publish); }

  /// Sends a message to whoever has subscribed to the channel.
  void deliver(std::string_view channel, std::string_view message);

  /// Drops all connections; those that come are counted from 0 again.
  void reset();

 private:
  class Session;

  void accept();
  Answer answer(std::size_t connection, std::size_t index, const Command& command);

  test::TempDir directory_;
  std::string path_;
  asio::local::stream_protocol::acceptor acceptor_;
  std::vector<std::shared_ptr<Session>> sessions_;
  AnswerFunction answer_;
  PublishFunction on_publish_;
};

}  // namespace mesh::fuzz
