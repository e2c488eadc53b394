#include <redis/master_watch.hpp>

#include <algorithm>
#include <random>
#include <utility>

namespace mesh::redis {

/// A connection takes part, with its master.
class MasterWatch::Participation {
 public:
  Participation(MasterWatch& watch, const Endpoint& master) : watch_(watch), master_(master) {
    watch_.masters_.push_back(master);
  }
  ~Participation() { watch_.masters_.erase(std::ranges::find(watch_.masters_, master_)); }
  Participation(const Participation&) = delete;
  Participation& operator=(const Participation&) = delete;

 private:
  MasterWatch& watch_;
  Endpoint master_;
};

/// Ends also where the one who asks is cancelled.
class MasterWatch::Round {
 public:
  explicit Round(MasterWatch& watch) : watch_(watch) {
    watch_.is_asking_ = true;
    ++watch_.rounds_;
  }
  ~Round() {
    watch_.is_asking_ = false;
    watch_.asked_.notify_all();
  }
  Round(const Round&) = delete;
  Round& operator=(const Round&) = delete;

 private:
  MasterWatch& watch_;
};

MasterWatch::MasterWatch(Strand strand, const RedisOptions& options)
    : options_(options),
      connector_(strand, options),
      pace_(3 * options.health_check_interval),
      asked_(std::move(strand)) {}

asio::awaitable<std::optional<Successor>> MasterWatch::find_successor(
    std::shared_ptr<MasterWatch> /*self*/, std::shared_ptr<Link> link, Endpoint current) {
  const Participation participation(*this, current);
  const auto rounds_before = rounds_;
  // Its address is fresh from a Sentinel.
  if (pace_.due() <= Clock::now()) pace_.note_answer(Clock::now(), draw());
  while (!link->closed()) {
    const bool is_news = successor_ && successor_round_ > rounds_before;
    if (is_news && successor_->master != current) co_return successor_;
    if (is_asking_) {
      co_await asked_.wait_until(TimePoint::max());
    } else if (Clock::now() < pace_.due()) {
      co_await link->wait_closed_until(pace_.due());
    } else {
      co_await ask();
    }
  }
  co_return std::nullopt;
}

asio::awaitable<void> MasterWatch::ask() {
  const Round round(*this);
  const auto number = rounds_;
  const auto deadline = Clock::now() + options_.connect_timeout;
  pace_.note_answer(Clock::now(), draw());
  auto successor = co_await connector_.find_newest_master(deadline);
  if (!successor || all_are_at(successor->master)) co_return;
  if (!co_await connector_.is_master(successor->master, deadline)) co_return;
  successor_ = std::move(successor);
  successor_round_ = number;
}

bool MasterWatch::all_are_at(const Endpoint& master) const {
  return std::ranges::all_of(masters_, [&](const Endpoint& current) { return current == master; });
}

double MasterWatch::draw() { return std::uniform_real_distribution<double>(0.0, 1.0)(random_); }

}  // namespace mesh::redis
