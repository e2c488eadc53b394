// Commands of which somebody waits for the outcome.
#include <redis/client.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

#include <redis/redirection.hpp>
#include <redis/size_refusal.hpp>

namespace mesh::redis {

asio::awaitable<Outcome> Client::execute(Command command, TimePoint deadline, Priority priority) {
  const auto self = shared_from_this();
  if (!connector_.uses_cluster()) {
    co_return co_await execute_once(std::move(command), deadline, priority);
  }
  for (;;) {
    const auto link = link_;
    Command again = command;
    Outcome outcome = co_await execute_once(std::move(again), deadline, priority);
    if (!is_cluster_unrest(outcome.reply)) co_return outcome;
    if (!co_await wait_for_rest(link, deadline)) co_return outcome;
  }
}

// Where the command was sent elsewhere, until there is a connection to that; otherwise a moment.
// False once the deadline has passed.
asio::awaitable<bool> Client::wait_for_rest(std::shared_ptr<Link> link, TimePoint deadline) {
  constexpr std::chrono::milliseconds moment{25};
  const auto latest = std::min(deadline, Clock::now() + moment);
  while (link_ == link && co_await state_changed_.wait_until(latest)) {
  }
  co_return open_&& Clock::now() < deadline;
}

asio::awaitable<Outcome> Client::execute_once(Command command, TimePoint deadline,
                                              Priority priority) {
  struct Waiter {
    explicit Waiter(const Strand& strand) : arrived(strand) {}
    Event arrived;
    std::optional<Outcome> outcome;
  };
  const auto self = shared_from_this();
  const auto waiter = std::make_shared<Waiter>(strand_);
  OutcomeCallback on_outcome = [waiter](Outcome&& outcome) {
    waiter->outcome = std::move(outcome);
    waiter->arrived.notify_all();
  };
  submit(std::move(command), deadline, std::move(on_outcome), priority);
  while (!waiter->outcome) {
    if (!co_await waiter->arrived.wait_until(deadline) && !waiter->outcome) {
      co_return Outcome{Failure::expired};
    }
  }
  co_return std::move(*waiter->outcome);
}

Reply Client::require_reply(Outcome outcome, const std::string& what) const {
  if (outcome.failure != Failure::none) throw_failure(outcome.failure, outcome.suspect_size);
  if (outcome.reply.is_error()) throw MeshRedisError(what + ": " + describe_refusal(outcome.reply));
  return std::move(outcome.reply);
}

asio::awaitable<Reply> Client::request(Command command, TimePoint deadline, Priority priority) {
  const auto self = shared_from_this();
  const std::string name(command.name());
  Outcome outcome = co_await execute(std::move(command), deadline, priority);
  co_return require_reply(std::move(outcome), name);
}

asio::awaitable<void> Client::subscribe(std::string channel, TimePoint deadline) {
  const auto self = shared_from_this();
  const bool is_new = channels_.insert(channel).second;
  std::exception_ptr error;
  try {
    co_await wait_ready(deadline);
    const auto link = link_;
    co_await link->subscribe(channel, deadline);
  } catch (...) {
    error = std::current_exception();
  }
  if (!error) co_return;
  // One that is not permitted must not stand in the way of later connections.
  if (is_new) channels_.erase(channel);
  std::rethrow_exception(error);
}

void Client::unsubscribe(const std::string& channel) {
  const bool is_subscribed = channels_.erase(channel) > 0;
  if (is_subscribed && link_) link_->unsubscribe(channel);
}

}  // namespace mesh::redis
