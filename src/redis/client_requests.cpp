// Commands of which somebody waits for the outcome.
#include <redis/client.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include <async/event.hpp>
#include <redis/redirection.hpp>
#include <redis/size_refusal.hpp>
#include <util/flag_raised.hpp>

namespace mesh::redis {

namespace {

constexpr std::chrono::milliseconds longest_pause{1000};

/// Is one of so many as long as it lives.
class Counted {
 public:
  explicit Counted(std::size_t& count) : count_(count) { ++count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --count_; }

 private:
  std::size_t& count_;
};

/// Raises a flag as long as it lives, and tells of the end.
class Told {
 public:
  Told(bool& flag, Event& changed) : raised_(std::in_place, flag), changed_(changed) {}
  Told(const Told&) = delete;
  Told& operator=(const Told&) = delete;
  ~Told() {
    raised_.reset();
    changed_.notify_all();
  }

 private:
  std::optional<FlagRaised> raised_;
  Event& changed_;
};

}  // namespace

asio::awaitable<Outcome> Client::execute(Command command, TimePoint deadline, Priority priority) {
  const auto self = shared_from_this();
  const Counted counted(executing_);
  if (!connector_.uses_cluster()) {
    co_return co_await execute_once(std::move(command), deadline, priority);
  }
  for (std::chrono::milliseconds pause{25};; pause = std::min(2 * pause, longest_pause)) {
    const auto link = link_;
    Outcome outcome = co_await execute_in_cluster(command, deadline, priority);
    if (!is_cluster_unrest(outcome.reply)) co_return outcome;
    if (!co_await wait_for_rest(link, std::min(deadline, Clock::now() + pause))) {
      co_return Outcome{Failure::stopped};
    }
    if (Clock::now() >= deadline) co_return outcome;
  }
}

// Where the slot is just moving, the one that has it says for each command where to ask instead.
asio::awaitable<Outcome> Client::execute_in_cluster(Command command, TimePoint deadline,
                                                    Priority priority) {
  Command again = command;
  Outcome outcome = co_await execute_once(std::move(again), deadline, priority);
  const auto redirection = parse_redirection(outcome.reply, connector_.master());
  if (!redirection || !redirection->is_asking) co_return outcome;
  // Nothing else notices that the other one says nothing.
  const auto latest = std::min(deadline, Clock::now() + options_.connect_timeout);
  std::string failure;
  try {
    const auto link = co_await link_aside(redirection->target, latest);
    if (!link) co_return Outcome{Failure::disconnected};
    link->connection().command(Command{"ASKING"}, [](const Outcome& /*the next tells*/) {});
    outcome.reply = co_await link->request(std::move(command), latest);
  } catch (const MeshConnectionError& error) {
    failure = error.what();
  }
  if (failure.empty()) co_return outcome;
  log(LogLevel::debug, failure);
  co_return Outcome{Failure::disconnected};
}

// One at a time, however many commands have been sent there. Null if there is none by then.
asio::awaitable<std::shared_ptr<Link>> Client::link_aside(Endpoint node, TimePoint latest) {
  while (is_connecting_aside_) {
    if (!co_await state_changed_.wait_until(latest)) break;
  }
  if (is_connecting_aside_ || !open_) co_return nullptr;
  if (aside_ && !aside_->closed() && aside_node_ == node) co_return aside_;
  const Told connecting(is_connecting_aside_, state_changed_);
  auto link = co_await connector_.connect_to(node, latest);
  if (!open_) {
    link->close("closed by this side");
    co_return nullptr;
  }
  if (aside_) aside_->close("another node is asked");
  aside_ = std::move(link);
  aside_node_ = std::move(node);
  co_return aside_;
}

void Client::submit_to_slot(Command command, TimePoint deadline, OutcomeCallback&& callback) {
  if (!connector_.uses_cluster()) return submit(std::move(command), deadline, std::move(callback));
  auto kept = std::make_unique<Followed>(Followed{command, deadline, std::move(callback)});
  submit(std::move(command), deadline,
         [weak = weak_from_this(), kept = std::move(kept)](Outcome&& outcome) mutable {
           const auto self = weak.lock();
           if (!self || !self->open_ || !is_cluster_unrest(outcome.reply)) {
             return kept->callback(std::move(outcome));
           }
           self->tasks_.spawn(self->follow_slot(self, std::move(kept)));
         });
}

asio::awaitable<void> Client::follow_slot(std::shared_ptr<Client> /*self*/,
                                          std::unique_ptr<Followed> followed) {
  Outcome outcome{Failure::disconnected};
  try {
    outcome = co_await execute(std::move(followed->command), followed->deadline, Priority::payload);
  } catch (const std::exception& error) {
    log(LogLevel::debug, error.what());
  }
  if (open_) followed->callback(std::move(outcome));
}

// Until the connection leads elsewhere, or then. False if the client was closed.
asio::awaitable<bool> Client::wait_for_rest(std::shared_ptr<Link> link, TimePoint latest) {
  while (link_ == link) {
    if (!co_await state_changed_.wait_until(latest)) break;
  }
  const bool is_open = open_;
  co_return is_open;
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
  if (outcome.reply.is_error()) {
    const std::string refusal =
        connector_.uses_cluster() ? outcome.reply.text : describe_refusal(outcome.reply);
    throw MeshRedisError(what + ": " + refusal);
  }
  return std::move(outcome.reply);
}

asio::awaitable<Reply> Client::request(Command command, TimePoint deadline, Priority priority) {
  const auto self = shared_from_this();
  const std::string name(command.name());
  Outcome outcome = co_await execute(std::move(command), deadline, priority);
  co_return require_reply(std::move(outcome), name);
}

}  // namespace mesh::redis
