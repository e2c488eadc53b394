#include <support/json_line_peer.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <support/coroutine.hpp>

namespace mesh::test {

namespace {

using Json = nlohmann::json;

struct Waiter {
  asio::steady_timer timer;
  std::optional<Json> answer;
};

ProcessOptions piped(std::vector<std::string> command,
                     std::map<std::string, std::string> environment) {
  ProcessOptions options;
  options.command = std::move(command);
  options.environment = std::move(environment);
  options.piped = true;
  return options;
}

}  // namespace

struct JsonLinePeer::State {
  State(const asio::any_io_executor& executor_, ChildProcess& process)
      : executor(executor_),
        input(executor_, {}, process.standard_input().release()),
        output(executor_, process.standard_output().release()) {}

  void abandon() {
    boost::system::error_code ignored;
    input.close(ignored);
    output.close(ignored);
    ended = true;
    for (auto& [seq, waiter] : waiters) waiter->timer.cancel();
  }

  asio::any_io_executor executor;
  asio::local::stream_protocol::socket input;
  asio::posix::stream_descriptor output;
  std::map<std::uint64_t, std::shared_ptr<Waiter>> waiters;
  std::uint64_t last_seq = 0;
  std::string unsent;
  bool writing = false;
  bool ended = false;
};

JsonLinePeer::JsonLinePeer(asio::any_io_executor executor, std::vector<std::string> command,
                           std::map<std::string, std::string> environment)
    : process_(piped(std::move(command), std::move(environment))),
      state_(std::make_shared<State>(executor, process_)) {
  asio::co_spawn(executor, read_answers(state_), asio::detached);
}

JsonLinePeer::~JsonLinePeer() {
  process_.kill();
  state_->abandon();
}

asio::awaitable<void> JsonLinePeer::read_answers(std::shared_ptr<State> state) {
  std::string buffer;
  boost::system::error_code error;
  for (;;) {
    const std::size_t size =
        co_await asio::async_read_until(state->output, asio::dynamic_buffer(buffer), '\n',
                                        asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    Json answer = Json::parse(buffer.substr(0, size), nullptr, false);
    buffer.erase(0, size);
    if (!answer.is_object() || !answer["seq"].is_number_unsigned()) {
      ADD_FAILURE() << "the peer wrote something else than an answer: " << answer.dump();
      continue;
    }
    const auto found = state->waiters.find(answer["seq"].get<std::uint64_t>());
    if (found == state->waiters.end()) continue;
    found->second->answer = std::move(answer);
    found->second->timer.cancel();
  }
  state->abandon();
}

asio::awaitable<void> JsonLinePeer::write_requests(std::shared_ptr<State> state) {
  state->writing = true;
  boost::system::error_code error;
  while (!error && !state->unsent.empty()) {
    const std::string chunk = std::exchange(state->unsent, {});
    co_await asio::async_write(state->input, asio::buffer(chunk),
                               asio::redirect_error(asio::use_awaitable, error));
  }
  state->writing = false;
}

asio::awaitable<Json> JsonLinePeer::call(Json request, std::chrono::milliseconds timeout) {
  const auto state = state_;
  const std::string op = request.value("op", "?");
  if (state->ended) throw PeerError("PeerEnded", "the peer has ended; call of " + op);
  const std::uint64_t seq = ++state->last_seq;
  request["seq"] = seq;
  state->unsent += request.dump() + "\n";
  auto waiter =
      std::make_shared<Waiter>(Waiter{asio::steady_timer(state->executor, timeout), std::nullopt});
  state->waiters[seq] = waiter;
  if (!state->writing) {
    asio::co_spawn(state->executor, write_requests(state), asio::detached);
  }
  boost::system::error_code error;
  co_await waiter->timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
  state->waiters.erase(seq);
  if (!waiter->answer) {
    if (state->ended) throw PeerError("PeerEnded", "the peer ended during the call of " + op);
    throw PeerError("PeerTimeout", "no answer to " + op);
  }
  const Json& answer = *waiter->answer;
  if (answer.value("ok", false)) co_return answer;
  const Json failure = answer.value("error", Json::object());
  throw PeerError(failure.value("name", ""), failure.value("message", ""));
}

asio::awaitable<ExitStatus> JsonLinePeer::close() {
  boost::system::error_code ignored;
  state_->input.close(ignored);
  auto ended = [this] { return !process_.is_running(); };
  const bool in_time = co_await eventually(ended, std::chrono::seconds(20));
  EXPECT_TRUE(in_time) << "the peer does not end when its standard input is closed";
  co_return in_time ? *process_.exit_status() : process_.kill();
}

}  // namespace mesh::test
