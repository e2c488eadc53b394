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
  explicit Round(MasterWatch& watch) : watch_(watch), number_(++watch.rounds_) {
    ++watch_.asking_;
    watch_.pace_.note_asked(Clock::now(), watch_.draw());
  }
  ~Round() {
    --watch_.asking_;
    watch_.changed_.notify_all();
  }
  Round(const Round&) = delete;
  Round& operator=(const Round&) = delete;

  void conclude(Successor successor) const {
    watch_.successor_ = std::move(successor);
    watch_.successor_round_ = number_;
  }

 private:
  MasterWatch& watch_;
  std::uint64_t number_;
};

MasterWatch::MasterWatch(Strand strand, const RedisOptions& options)
    : options_(options),
      connector_(strand, options),
      rotation_(connector_.sentinels().size()),
      pace_(3 * options.health_check_interval),
      changed_(std::move(strand)) {}

asio::awaitable<std::optional<Successor>> MasterWatch::find_successor(
    std::shared_ptr<MasterWatch> /*self*/, std::shared_ptr<Link> link, Endpoint current) {
  const Participation participation(*this, current);
  const auto rounds_before = rounds_;
  // Its address is fresh from a Sentinel.
  if (pace_.due() <= Clock::now()) pace_.note_asked(Clock::now(), draw());
  while (!link->closed()) {
    const bool is_news = successor_ && successor_round_ > rounds_before;
    if (is_news && successor_->master != current) co_return successor_;
    if (asking_ > 0) {
      co_await changed_.wait_until(TimePoint::max());
    } else if (Clock::now() < pace_.due()) {
      co_await changed_.wait_until(pace_.due());
    } else {
      co_await ask();
    }
  }
  co_return std::nullopt;
}

asio::awaitable<bool> MasterWatch::is_still_master(std::shared_ptr<MasterWatch> /*self*/,
                                                   Endpoint current, TimePoint deadline) {
  const Round round(*this);
  auto newest = co_await ask_next(rotation_.size(), deadline);
  if (!newest || newest->master == current) co_return true;
  // One that does not answer in time may have made another leader all the same.
  if (co_await connector_.is_master(newest->master, deadline)) round.conclude(std::move(*newest));
  co_return false;
}

void MasterWatch::set_leading(std::optional<std::chrono::milliseconds> ttl) {
  std::optional<Clock::duration> limit;
  if (ttl) limit = Clock::duration(*ttl) / 3;
  if (limit == pace_.limit()) return;
  pace_.set_limit(limit, Clock::now(), draw());
  changed_.notify_all();
}

asio::awaitable<void> MasterWatch::ask() {
  const Round round(*this);
  const auto limit = pace_.limit();
  const Clock::duration time = options_.connect_timeout;
  // A Sentinel that hangs must not keep a leader here.
  const auto deadline = Clock::now() + std::min(time, limit.value_or(time));
  std::optional<Successor> newest;
  if (limit) {
    newest = co_await ask_next(rotation_.size(), deadline);
  } else {
    newest = co_await ask_one(deadline);
  }
  if (!newest || all_are_at(newest->master)) co_return;
  if (co_await connector_.is_master(newest->master, deadline)) round.conclude(std::move(*newest));
}

asio::awaitable<std::optional<Successor>> MasterWatch::ask_one(TimePoint deadline) {
  const auto known = rotation_.newest();
  auto named = co_await ask_next(1, deadline);
  if (!named || all_are_at(named->master) || rotation_.newest() == known) co_return named;
  // It may be the first to be asked of several, and cut off from those who know better.
  auto newer = co_await ask_next(rotation_.size() - 1, deadline);
  co_return newer ? newer : named;
}

/// The newest of what so many say, unless older than what others said before.
asio::awaitable<std::optional<Successor>> MasterWatch::ask_next(std::size_t count,
                                                                TimePoint deadline) {
  std::optional<Successor> newest;
  for (; count > 0; --count) {
    const Endpoint sentinel = connector_.sentinels()[rotation_.next(draw())];
    // The master that is named needs a share as well.
    const TimePoint share = end_of_share(deadline, count + 1);
    const auto belief = co_await connector_.ask_for_belief(sentinel, share);
    if (rotation_.note(belief)) newest = Successor{belief->master, sentinel};
  }
  co_return newest;
}

bool MasterWatch::all_are_at(const Endpoint& master) const {
  return std::ranges::all_of(masters_, [&](const Endpoint& current) { return current == master; });
}

double MasterWatch::draw() { return std::uniform_real_distribution<double>(0.0, 1.0)(random_); }

}  // namespace mesh::redis
