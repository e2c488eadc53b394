#include <meshctl/redis_access.hpp>

#include <charconv>
#include <string_view>
#include <utility>

namespace mesh::ctl {

namespace {
constexpr std::size_t queued_bytes = std::size_t{16} << 20U;
}

double number_in(const std::string& text) {
  double number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

RedisAccess::RedisAccess(const Session& session, const RedisOptions& redis, std::uint16_t slot)
    : timeout_(session.settings.timeout),
      client_(std::make_shared<redis::Client>(session.strand, redis, "meshctl", queued_bytes,
                                              log_sink(session.settings), nullptr, slot)) {}

RedisAccess::~RedisAccess() { client_->close(); }

asio::awaitable<void> RedisAccess::connect() {
  client_->open();
  co_await client_->wait_ready(Clock::now() + timeout_);
}

asio::awaitable<redis::Reply> RedisAccess::ask(std::vector<std::string> words) {
  const std::vector<std::string_view> views(words.begin(), words.end());
  redis::Command command{std::span<const std::string_view>(views)};
  co_return co_await client_->request(std::move(command), Clock::now() + timeout_);
}

}  // namespace mesh::ctl
