#include <fuzz/fake_redis.hpp>

#include <array>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <fuzz/require.hpp>
#include <scripts/acquire_leadership.lua.hpp>
#include <scripts/heartbeat.lua.hpp>
#include <scripts/list_nodes.lua.hpp>
#include <scripts/next_free_id.lua.hpp>
#include <scripts/read_infos.lua.hpp>
#include <scripts/remove_dead_nodes.lua.hpp>

namespace mesh::fuzz {

namespace {

std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

/// The digest of a script is any text, so its name will do.
std::string name_of_script(std::string_view source) {
  if (source == scripts::acquire_leadership) return "acquire";
  if (source == scripts::next_free_id) return "next_free_id";
  if (source == scripts::heartbeat) return "heartbeat";
  if (source == scripts::list_nodes) return "list";
  if (source == scripts::read_infos) return "infos";
  if (source == scripts::remove_dead_nodes) return "remove";
  return "other";
}

std::string result_of_script(std::string_view name) {
  const std::string list_state = "*4\r\n" + bulk("5") + ":2\r\n" + bulk("99") + ":0\r\n";
  const std::string info = R"({"owner":"x","types":["a"],"labels":{"b":"c"},"language":"C++"})";
  if (name == "acquire") return ":1700000000000\r\n";
  if (name == "next_free_id") return ":7\r\n";
  // Registered, and somebody listens; nobody leads.
  if (name == "heartbeat") {
    return "*6\r\n:1\r\n" + bulk("1700000000000") + ":1\r\n:1\r\n" + list_state + ":0\r\n";
  }
  if (name == "list") {
    return "*6\r\n" + bulk("0") + list_state + bulk("7") + bulk("here") + bulk("99") +
           bulk("there");
  }
  if (name == "infos") return "*4\r\n" + bulk("x") + bulk(info) + bulk("") + bulk("");
  if (name == "remove") return "*1\r\n" + bulk("3");
  return ":1\r\n";
}

/// Takes the next command out of what was received, if it is all there. Nodes are trusted.
std::optional<Command> take_command(std::string& received) {
  std::size_t position = 0;
  const auto take_number = [&]() -> std::optional<std::size_t> {
    const auto end = received.find("\r\n", position);
    if (end == std::string::npos) return std::nullopt;
    std::size_t number = 0;
    std::from_chars(received.data() + position + 1, received.data() + end, number);
    position = end + 2;
    return number;
  };
  const auto count = take_number();
  if (!count) return std::nullopt;
  Command command;
  for (std::size_t i = 0; i < *count; ++i) {
    const auto size = take_number();
    if (!size || received.size() < position + *size + 2) return std::nullopt;
    command.push_back(received.substr(position, *size));
    position += *size + 2;
  }
  received.erase(0, position);
  return command;
}

}  // namespace

std::string plausible_answer(const Command& command) {
  const std::string& name = command.front();
  if (name == "PING") return "+PONG\r\n";
  if (name == "SCRIPT") return bulk(name_of_script(command.at(2)));
  if (name == "EVALSHA") return result_of_script(command.at(1));
  if (name == "EVAL") return result_of_script(name_of_script(command.at(1)));
  if (name == "PUBLISH") return ":1\r\n";
  if (name == "SUBSCRIBE") return "*3\r\n" + bulk("subscribe") + bulk(command.at(1)) + ":1\r\n";
  if (name == "UNSUBSCRIBE") {
    return "*3\r\n" + bulk("unsubscribe") + bulk(command.at(1)) + ":1\r\n";
  }
  return "+OK\r\n";
}

class FakeRedis::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(FakeRedis& server, asio::local::stream_protocol::socket socket, std::size_t index)
      : server_(&server), socket_(std::move(socket)), index_(index) {}

  void read() {
    socket_.async_read_some(asio::buffer(buffer_),
                            [self = shared_from_this()](const auto& error, std::size_t size) {
                              if (error || self->server_ == nullptr) return;
                              self->received_.append(self->buffer_.data(), size);
                              self->answer_all();
                              self->read();
                            });
  }

  bool has_subscribed_to(std::string_view channel) const { return channels_.contains(channel); }

  void send(std::string_view bytes) {
    unsent_ += bytes;
    if (sending_.empty()) write();
  }

  void close() {
    server_ = nullptr;
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

 private:
  void answer_all() {
    while (server_ != nullptr) {
      const auto command = take_command(received_);
      if (!command) return;
      note_subscription(*command);
      const Answer answer = server_->answer(index_, commands_++, *command);
      hang_up_ |= answer.hang_up;
      send(answer.bytes);
      if (hang_up_ && sending_.empty()) close();
    }
  }

  void note_subscription(const Command& command) {
    if (command.front() == "SUBSCRIBE") channels_.insert(command.at(1));
    if (command.front() == "UNSUBSCRIBE") channels_.erase(command.at(1));
  }

  void write() {
    sending_ = std::exchange(unsent_, {});
    if (sending_.empty()) return;
    asio::async_write(socket_, asio::buffer(sending_),
                      [self = shared_from_this()](const auto& error, std::size_t /*size*/) {
                        self->sending_.clear();
                        if (error || self->server_ == nullptr) return;
                        self->write();
                        if (self->hang_up_ && self->sending_.empty()) self->close();
                      });
  }

  FakeRedis* server_;  // null once closed
  asio::local::stream_protocol::socket socket_;
  std::size_t index_;
  std::size_t commands_ = 0;
  std::array<char, 65536> buffer_{};
  std::string received_;
  std::string unsent_;
  std::string sending_;
  std::set<std::string, std::less<>> channels_;
  bool hang_up_ = false;
};

FakeRedis::FakeRedis(asio::io_context& context)
    : path_(directory_.path() / "redis.sock"),
      acceptor_(context, asio::local::stream_protocol::endpoint(path_)) {
  accept();
}

FakeRedis::~FakeRedis() { reset(); }

void FakeRedis::accept() {
  acceptor_.async_accept([this](const auto& error, asio::local::stream_protocol::socket socket) {
    if (error) return;
    sessions_.push_back(std::make_shared<Session>(*this, std::move(socket), sessions_.size()));
    sessions_.back()->read();
    accept();
  });
}

Answer FakeRedis::answer(std::size_t connection, std::size_t index, const Command& command) {
  const bool is_publication = command.front() == "PUBLISH" && command.size() == 3;
  if (is_publication && on_publish_) on_publish_(command[1], command[2]);
  if (answer_) return answer_(connection, index, command);
  return Answer{plausible_answer(command)};
}

void FakeRedis::deliver(std::string_view channel, std::string_view message) {
  const std::string push = "*3\r\n" + bulk("message") + bulk(channel) + bulk(message);
  for (const auto& session : sessions_) {
    if (session->has_subscribed_to(channel)) session->send(push);
  }
}

void FakeRedis::reset() {
  for (const auto& session : sessions_) session->close();
  sessions_.clear();
}

}  // namespace mesh::fuzz
