// What a program that uses Boost.Asio and nlohmann_json includes anyway.
#include <string>

#include <boost/asio.hpp>
#include <nlohmann/json.hpp>

struct Text {
  std::string text;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Text, text)

boost::asio::awaitable<std::string> run() {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
  timer.expires_after(std::chrono::milliseconds(1));
  co_await timer.async_wait(boost::asio::use_awaitable);
  const Text text{"a"};
  co_return nlohmann::json(text).dump();
}
