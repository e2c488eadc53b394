#include "fleet.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <support/coroutine.hpp>

namespace mesh::bench {

namespace {

using Clock = std::chrono::steady_clock;

std::vector<std::string> command(const std::filesystem::path& program, const NodeOptions& options) {
  std::vector<std::string> words{program.string()};
  if (options.cluster.empty()) {
    words.insert(words.end(), {"--port", std::to_string(options.port)});
  } else {
    words.insert(words.end(), {"--cluster", options.cluster});
  }
  if (options.has_short_times) words.emplace_back("--short-times");
  return words;
}

}  // namespace

Member::Member(const asio::any_io_executor& executor, const std::filesystem::path& program,
               const NodeOptions& options, std::size_t nodes)
    : peer_(executor, command(program, options)), size_(nodes) {}

asio::awaitable<nlohmann::json> Member::ask(nlohmann::json request) {
  co_return co_await peer_.call(std::move(request), std::chrono::minutes(5));
}

asio::awaitable<nlohmann::json> Member::ask_for(std::string op) {
  nlohmann::json request;
  request["op"] = std::move(op);
  co_return co_await ask(std::move(request));
}

asio::awaitable<void> Member::start() {
  nlohmann::json request;
  request["op"] = "start";
  request["count"] = size_;
  const auto answer = co_await ask(std::move(request));
  ids_ = answer.at("ids").get<std::vector<InstanceId>>();
}

asio::awaitable<void> with_each(std::vector<Member*> members, MemberAction action) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer all_done(executor, Clock::time_point::max());
  std::size_t running = members.size();
  std::exception_ptr failure;
  for (Member* const member : members) {
    asio::co_spawn(executor, action(*member), [&](const std::exception_ptr& error) {
      if (error) failure = error;
      if (--running == 0) all_done.cancel();
    });
  }
  boost::system::error_code ignored;
  co_await all_done.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  if (failure) std::rethrow_exception(failure);
}

Fleet::Fleet(const asio::any_io_executor& executor, const std::filesystem::path& program,
             const NodeOptions& options, std::size_t size, std::size_t most_per_process) {
  const auto member = [&](std::size_t nodes) {
    return std::make_unique<Member>(executor, program, options, nodes);
  };
  leader_ = member(1);
  caller_ = member(1);
  std::size_t left = size - 2;
  const std::size_t dying = std::min(left, size / 10);
  if (dying > 0) doomed_ = member(dying);
  left -= dying;
  while (left > 0) {
    const std::size_t nodes = std::min(left, most_per_process);
    crowd_.push_back(member(nodes));
    left -= nodes;
  }
}

std::vector<Member*> Fleet::idle() const {
  std::vector<Member*> members;
  if (doomed_) members.push_back(doomed_.get());
  for (const auto& member : crowd_) members.push_back(member.get());
  return members;
}

asio::awaitable<double> Fleet::start() {
  co_await leader_->start();
  auto leads = [this]() -> asio::awaitable<bool> {
    const auto answer = co_await leader_->ask_for("leads");
    co_return answer.at("leads").get<bool>();
  };
  if (!co_await test::eventually(leads)) throw std::runtime_error("the first node does not lead");

  std::vector<Member*> others = idle();
  others.push_back(caller_.get());
  const auto begin = Clock::now();
  const MemberAction start = [](Member& member) { return member.start(); };
  co_await with_each(std::move(others), start);
  co_return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace mesh::bench
