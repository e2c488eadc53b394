#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/container/static_vector.hpp>
#include <leader/lease.hpp>
#include <mesh/options.hpp>

/// A model of an election: Redis' lock and note as the Lua scripts treat them, a replica that lags
/// behind, and contenders that use a `Lease` as `LeaderDriver` does. Some may be TypeScript nodes,
/// which know of the lock alone: they take it when it is free, prolong and delete it while it is
/// theirs, and cease to lead in time. What happens, and when, is chosen by the test: all choices
/// one after the other from every state that was reached, or at random for very long.
namespace mesh::leader::model {

using namespace std::chrono_literals;
using Duration = Lease::Duration;
using TimePoint = Lease::TimePoint;
using Change = Lease::Change;

inline constexpr std::size_t most_messages = 3;

/// What the lock holds: a new one for each time a contender starts.
struct Value {
  std::size_t who = 0;
  std::int64_t term = 0;
  friend bool operator==(const Value&, const Value&) = default;
};

enum class Kind : std::uint8_t { acquire, renew, release, clean_up, look };

/// A command on its way to Redis, or the answer on its way back.
struct Message {
  Kind kind;
  Value value;
  TimePoint sent_at;   // these two by the sender's clock
  TimePoint deadline;  // after which nobody waits for the answer
  bool awaited;
  bool executed = false;
  std::int64_t answer = 0;
};
using Messages = boost::container::static_vector<Message, most_messages>;

struct Contender {
  explicit Contender(const LeaderOptions& options) : lease(options) {}

  Lease lease;
  bool is_typescript = false;
  Value value;
  TimePoint clock = TimePoint() + 1h;
  bool running = true;
  bool leading = false;      // as the changes tell
  bool has_run_out = false;  // and must be lost before it is won again
  std::int64_t newest_token = 0;
  std::int64_t token = 0;
  Messages connection;          // both ways keep the order
  bool must_reconnect = false;  // sooner or later, as another server is the master
  Messages stragglers;          // of a lost connection; Redis may still read them, at any time
};

/// The message whose answer the driver waits for, or null.
template <typename Self>
auto* awaited(Self& self) {
  const auto found = std::find_if(self.connection.begin(), self.connection.end(),
                                  [](const Message& each) { return each.awaited; });
  return found == self.connection.end() ? nullptr : &*found;
}

/// The message that Redis reads next from the connection, or null.
template <typename Self>
auto* unexecuted(Self& self) {
  const auto found = std::find_if(self.connection.begin(), self.connection.end(),
                                  [](const Message& each) { return !each.executed; });
  return found == self.connection.end() ? nullptr : &*found;
}

/// What Redis keeps of the last term beside the lock.
struct Note {
  int server = 0;
  TimePoint ends_at;
};

struct Data {
  std::optional<Value> holder;
  TimePoint expires_at;
  std::optional<Note> note;
  std::int64_t last_token = 0;
};

struct Redis : Data {
  TimePoint now = TimePoint() + 1h;
  int server = 0;
  Data replica;  // as of some time ago

  std::optional<Value> get() const { return holder && now < expires_at ? holder : std::nullopt; }
  std::int64_t milliseconds() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  }
};

struct Settings {
  LeaderOptions options;
  std::vector<Duration> ticks;  // by how much each contender's clock advances with `tick`
  Duration tick{};              // by the clock of Redis
  bool loses_data = false;
  std::size_t typescript = 0;  // so many of the contenders, the first ones, are TypeScript nodes
  bool accounts_for_others = true;  // whether a note made up under another's lock lasts its time
  bool looks = false;  // whether contenders see who holds the lock without asking for it
};

enum class Event : std::uint8_t {
  tick,
  wake,
  execute,
  execute_straggler,
  deliver,
  disconnect,
  clean_up,
  look,
  resign,
  start,
  lose_data,
  fail_over,
  delete_lock,
  replicate
};
inline constexpr std::array<std::string_view, 14> event_names{
    "tick", "wake",   "execute", "execute straggler", "deliver",   "disconnect",  "clean up at",
    "look", "resign", "start",   "lose data",         "fail over", "delete lock", "replicate"};

struct Move {
  Event event;
  std::uint8_t who;
};

inline bool concerns_a_contender(Event event) {
  return event != Event::tick && event < Event::lose_data;
}

class World {
 public:
  explicit World(const Settings& settings)
      : settings_(&settings), contenders_(settings.ticks.size(), Contender(settings.options)) {
    for (std::size_t i = 0; i < size(); ++i) {
      contenders_[i].value.who = i;
      contenders_[i].is_typescript = i < settings.typescript;
    }
  }

  bool is_possible(Move move) const {
    const Contender& self = contenders_[move.who];
    switch (move.event) {
      case Event::tick:
        return true;
      case Event::wake:
        return self.running && (awaited(self) != nullptr ? is_overdue(self) : wants_to_act(self));
      case Event::execute:
        return unexecuted(self) != nullptr;
      case Event::execute_straggler:
        return !self.stragglers.empty();
      case Event::deliver:
        return !self.connection.empty() && self.connection.front().executed;
      case Event::disconnect:
        return !self.connection.empty() || self.must_reconnect;
      case Event::clean_up:
        return self.running && !self.is_typescript && self.lease.is_held(self.clock) &&
               may_send(self, Kind::clean_up);
      case Event::look:
        return settings_->looks && self.running && !self.is_typescript &&
               may_send(self, Kind::look);
      case Event::resign:
        return self.running && !is_full(self);
      case Event::start:
        return !self.running && self.connection.empty();
      case Event::lose_data:
      case Event::fail_over:
        // To come back without its data takes Redis longer than the tokens are ahead of its clock.
        return settings_->loses_data && redis_.milliseconds() > newest_token_;
      case Event::delete_lock:
        return settings_->loses_data && redis_.get().has_value();
      case Event::replicate:
        return settings_->loses_data;
    }
    return false;
  }

  void make(Move move) {
    Contender& self = contenders_[move.who];
    switch (move.event) {
      case Event::tick:
        return advance(settings_->tick, settings_->ticks);
      case Event::wake:
        return wake(self);
      case Event::execute:
        return run(*unexecuted(self));
      case Event::execute_straggler:
        run(self.stragglers.front());
        self.stragglers.erase(self.stragglers.begin());
        return;
      case Event::deliver:
        return deliver(self);
      case Event::disconnect:
        return disconnect(self);
      case Event::clean_up:
        return send(self, Kind::clean_up, false);
      case Event::look:
        return send(self, Kind::look, false);
      case Event::resign:
        return resign(self);
      case Event::start:
        self.running = true;
        ++self.value.term;
        self.lease = Lease(settings_->options);
        return;
      case Event::lose_data:
        static_cast<Data&>(redis_) = Data();
        return note_loss();
      case Event::fail_over:
        ++redis_.server;
        static_cast<Data&>(redis_) = redis_.replica;
        for (Contender& each : contenders_) each.must_reconnect = true;
        return note_loss();
      case Event::delete_lock:
        redis_.holder.reset();
        return note_loss();
      case Event::replicate:
        redis_.replica = redis_;
        return;
    }
  }

  void advance(Duration by_redis, const std::vector<Duration>& by_contenders) {
    redis_.now += by_redis;
    for (std::size_t i = 0; i < size(); ++i) {
      Contender& self = contenders_[i];
      self.clock += by_contenders[i];
      self.has_run_out |= self.leading && !self.lease.is_held(self.clock);
    }
  }

  /// What is wrong with this state; empty if nothing is.
  std::string check() const {
    if (violation_ != nullptr) return violation_;
    // What was granted before a loss has ended after one time to live, and with it the harm.
    const bool loss_is_recent = redis_.now < loss_is_over_at_;
    std::size_t holders = 0;
    std::size_t typescript_holders = 0;
    for (std::size_t i = 0; i < size(); ++i) {
      const Contender& self = contenders_[i];
      if (self.leading != self.lease.ends_at().has_value()) return "the changes do not tell all";
      if (!self.lease.is_held(self.clock)) continue;
      if (self.has_run_out) return "held again without a change";
      ++(self.is_typescript ? typescript_holders : holders);
      if (!loss_is_recent && redis_.get() != self.value) return "held, but the lock is not";
    }
    if (holders > 1) return "two holders";
    if (!loss_is_recent && holders + typescript_holders > 1) return "a second holder in TypeScript";
    return {};
  }

  std::optional<std::size_t> holder() const {
    for (std::size_t i = 0; i < size(); ++i) {
      if (contenders_[i].lease.is_held(contenders_[i].clock)) return i;
    }
    return std::nullopt;
  }

  /// From now on everyone acts at once and every message arrives: someone must lead within the
  /// limit, and once the earlier troubles are over, one must lead for good, until it goes. What is
  /// wrong otherwise.
  std::string check_progress() const {
    const Duration retry = longest_retry();
    const Duration takeover = Duration(settings_->options.ttl) + retry;
    const Duration limit = settings_->options.wait_after_data_loss ? 2 * takeover : takeover;
    World world = *this;
    for (Contender& each : world.contenders_) {
      if (each.must_reconnect) world.disconnect(each);
    }
    for (std::size_t i = 0; i < size(); ++i) world.revive(i);
    bool led = false;
    std::pair<std::optional<std::size_t>, std::int64_t> last_leader;
    const Duration end = 2 * limit + 2 * Duration(settings_->options.ttl);
    for (Duration passed{}; passed <= end; passed += settings_->tick) {
      world.settle_all();
      const std::pair leader(world.holder(), world.highest_token_);
      led |= leader.first.has_value();
      if (!led && passed >= limit) return "nobody leads";
      if (passed > 2 * limit && leader != last_leader) return "the leader does not last";
      last_leader = leader;
      world.make({Event::tick, 0});
    }
    if (size() == 1) return {};
    const auto leader = static_cast<std::uint8_t>(*last_leader.first);
    World vanished = world;
    vanished.vanish(leader);
    if (!vanished.is_led_within(takeover)) return "nobody follows a leader that vanished";
    world.make({Event::resign, leader});
    if (!world.is_led_within(retry)) return "nobody follows a leader that has resigned";
    return {};
  }

  /// Equal for states from which the same can follow: times count from now and tokens by rank.
  std::size_t hash() const {
    std::vector<std::int64_t> tokens{highest_token_, newest_token_, redis_.last_token,
                                     redis_.replica.last_token};
    for (const Contender& self : contenders_) {
      tokens.push_back(self.newest_token);
      for (const Message& message : self.connection) tokens.push_back(message.answer);
    }
    std::sort(tokens.begin(), tokens.end());
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    const auto rank = [&tokens](std::int64_t token) {
      return std::lower_bound(tokens.begin(), tokens.end(), token) - tokens.begin();
    };

    std::vector<std::int64_t> key{rank(highest_token_), rank(newest_token_)};
    const auto redis_left = [this](TimePoint time) {
      return std::max(time - redis_.now, Duration::zero()).count();
    };
    const auto terms_ago_of_lock = [this](const std::optional<Value>& value) {
      return value ? contenders_[value->who].value.term - value->term : -1;
    };
    for (const Data* data : {static_cast<const Data*>(&redis_), &redis_.replica}) {
      const bool is_locked = data->holder && redis_.now < data->expires_at;
      key.push_back(is_locked ? static_cast<std::int64_t>(data->holder->who) : -1);
      key.push_back(is_locked ? redis_left(data->expires_at) : 0);
      key.push_back(is_locked ? terms_ago_of_lock(data->holder) : 0);
      // A note of another server counts as none, and so does the replica's, once it is the master's
      // successor; but whether there is one is seen.
      const bool is_of_here = data->note && data->note->server == redis_.server;
      key.push_back(!data->note                              ? -2
                    : data == &redis_.replica || !is_of_here ? -1
                                                             : redis_left(data->note->ends_at));
      key.push_back(rank(data->last_token));
    }
    key.push_back(redis_left(loss_is_over_at_));
    if (settings_->loses_data) {
      const auto ahead = newest_token_ - redis_.milliseconds();
      key.push_back(std::clamp<std::int64_t>(ahead, -1, 4));
    }
    for (const Contender& self : contenders_) {
      const auto left = [&self](TimePoint time) {
        return std::max(time - self.clock, Duration::zero()).count();
      };
      const auto terms_ago = [&self](const Value& value) { return self.value.term - value.term; };
      key.push_back(self.running * 2 + self.must_reconnect);
      key.push_back(self.lease.ends_at() ? left(*self.lease.ends_at()) : -1);
      key.push_back(left(self.lease.next_event(self.clock)));
      key.push_back(self.lease.is_attempt_due(self.clock) ? 1 : 0);
      key.push_back(after_look(self, false).is_attempt_due(self.clock) ? 1 : 0);
      key.push_back(settings_->looks ? left(after_look(self, true).next_event(self.clock)) : 0);
      for (const Messages* messages : {&self.connection, &self.stragglers}) {
        key.push_back(static_cast<std::int64_t>(messages->size()));
        for (const Message& message : *messages) {
          const auto age = self.clock - message.sent_at;
          key.push_back(static_cast<std::int64_t>(message.kind) * 4 + message.awaited * 2 +
                        message.executed);
          key.push_back(terms_ago(message.value));
          key.push_back(message.answer < 0 ? message.answer : rank(message.answer));
          key.push_back(message.awaited ? std::min<Duration>(age, settings_->options.ttl).count()
                                        : 0);
          key.push_back(message.awaited ? left(message.deadline) : 0);
        }
      }
    }
    return std::hash<std::string_view>()(std::string_view(reinterpret_cast<const char*>(key.data()),
                                                          key.size() * sizeof(std::int64_t)));
  }

  std::size_t size() const { return contenders_.size(); }

 private:
  /// Until the slowest contender, who may have just seen the lock, has tried again, in ticks.
  Duration longest_retry() const {
    const Duration slowest = *std::min_element(settings_->ticks.begin(), settings_->ticks.end());
    const auto ticks = Duration(settings_->options.retry_delay) * 3 / 2 / slowest + 2;
    return ticks * settings_->tick;
  }
  void note_loss() { loss_is_over_at_ = redis_.now + settings_->options.ttl; }
  static bool is_full(const Contender& self) {
    return self.connection.size() == self.connection.capacity();
  }
  static bool may_send(const Contender& self, Kind kind) {
    return !is_full(self) &&
           std::none_of(self.connection.begin(), self.connection.end(),
                        [kind](const Message& each) { return each.kind == kind; });
  }
  static Lease after_look(const Contender& self, bool is_held_by_another) {
    Lease lease = self.lease;
    lease.on_seen(self.clock, is_held_by_another);
    return lease;
  }
  static bool is_overdue(const Contender& self) { return self.clock >= awaited(self)->deadline; }
  static bool wants_to_act(const Contender& self) {
    const bool has_run_out = self.lease.ends_at() && !self.lease.is_held(self.clock);
    return !is_full(self) && (has_run_out || self.lease.is_attempt_due(self.clock));
  }

  void wake(Contender& self) {
    if (Message* const message = awaited(self)) {
      message->awaited = false;
      note(self, self.lease.on_failed(self.clock));
      return;
    }
    note(self, self.lease.on_time(self.clock));
    if (!self.lease.is_attempt_due(self.clock)) return;
    const bool renews = self.lease.next_attempt() == Lease::Attempt::renew;
    send(self, renews ? Kind::renew : Kind::acquire, true);
  }

  static void send(Contender& self, Kind kind, bool awaited) {
    self.connection.push_back(
        Message{kind, self.value, self.clock, self.lease.answer_deadline(self.clock), awaited});
  }

  void deliver(Contender& self) {
    const Message message = self.connection.front();
    self.connection.erase(self.connection.begin());
    if (message.awaited && message.answer == 0) {
      note(self, self.lease.on_refused(self.clock));
    } else if (message.awaited && message.answer < 0) {
      note(self, self.lease.on_barred(self.clock, Duration(-message.answer)));
    } else if (message.awaited) {
      const bool renews = message.kind == Kind::renew;
      if (!renews && !self.is_typescript) self.newest_token = message.answer;
      note(self, renews ? self.lease.on_renewed(message.sent_at, self.clock)
                        : self.lease.on_granted(message.sent_at, self.clock));
    } else if (message.kind == Kind::clean_up && message.answer == 0 && self.running) {
      note(self, self.lease.on_refused(self.clock));
    } else if (message.kind == Kind::look && message.answer >= 0 && self.running) {
      self.lease.on_seen(self.clock, message.answer == 1);
    }
  }

  void disconnect(Contender& self) {
    const bool fails = awaited(self) != nullptr;
    self.must_reconnect = false;
    self.stragglers.clear();
    for (Message& message : self.connection) {
      message.awaited = false;
      if (!message.executed) self.stragglers.push_back(message);
    }
    self.connection.clear();
    if (fails) note(self, self.lease.on_failed(self.clock));
    if (self.running && !self.is_typescript) self.lease.on_reconnected(self.clock);
  }

  void resign(Contender& self) {
    if (Message* const message = awaited(self)) message->awaited = false;
    note(self, self.lease.on_resigned());
    self.running = false;
    send(self, Kind::release, false);
  }

  void note(Contender& self, Change change) {
    if (change == Change::none) return;
    const bool won = change == Change::won;
    if (won == self.leading) violation_ = "won and lost do not alternate";
    self.leading = won;
    self.has_run_out = false;
    if (!won || self.is_typescript) return;
    self.token = self.newest_token;
    if (self.token <= highest_token_) violation_ = "leaders with falling tokens";
    highest_token_ = std::max(highest_token_, self.token);
  }

  void run(Message& message) {
    message.executed = true;
    if (contenders_[message.value.who].is_typescript) {
      run_of_typescript(message);
    } else {
      run_script(message);
    }
  }

  void run_of_typescript(Message& message) {
    const auto holder = redis_.get();
    if (message.kind == Kind::acquire ? holder.has_value() : holder != message.value) return;
    redis_.holder = message.value;
    redis_.expires_at = redis_.now + settings_->options.ttl;
    message.answer = 1;
    if (message.kind == Kind::release) redis_.holder.reset();
  }

  /// What the Lua scripts do.
  void run_script(Message& message) {
    const auto holder = redis_.get();
    const bool is_noted_here = redis_.note && redis_.note->server == redis_.server;
    const bool is_of_another = holder && holder != message.value;
    switch (message.kind) {
      case Kind::acquire:
        if (is_of_another) {
          if (!is_noted_here) make_up_for_note();
          break;
        }
        if ((!holder || !is_noted_here) && must_wait(message)) break;
        redis_.holder = message.value;
        redis_.expires_at = redis_.now + settings_->options.ttl;
        redis_.note = Note{redis_.server, redis_.expires_at};
        redis_.last_token = std::max(redis_.last_token + 1, redis_.milliseconds());
        message.answer = redis_.last_token;
        if (message.answer <= newest_token_) violation_ = "the fencing token has not grown";
        newest_token_ = message.answer;
        break;
      case Kind::renew:
        if (holder != message.value) break;
        redis_.expires_at = redis_.now + settings_->options.ttl;
        redis_.note = Note{redis_.server, redis_.expires_at};
        message.answer = 1;
        break;
      case Kind::release:
        if (holder != message.value) break;
        redis_.holder.reset();
        if (redis_.note) redis_.note->ends_at = TimePoint();
        break;
      case Kind::clean_up:
        message.answer = holder == message.value ? 1 : 0;
        break;
      case Kind::look:
        message.answer = !is_of_another ? 0 : redis_.note ? 1 : -1;
        break;
    }
  }

  void make_up_for_note() {
    redis_.note =
        Note{redis_.server,
             settings_->accounts_for_others ? redis_.now + settings_->options.ttl : TimePoint()};
  }

  /// The answer then says for how long, in ticks, below 0.
  bool must_wait(Message& message) {
    const Duration wait =
        settings_->options.wait_after_data_loss ? Duration(settings_->options.ttl) : Duration();
    auto& note = redis_.note;
    if (!note || note->server != redis_.server || note->ends_at - redis_.now > wait) {
      note = Note{redis_.server, redis_.now + wait};
    }
    if (redis_.now >= note->ends_at) return false;
    message.answer = -(note->ends_at - redis_.now).count();
    return true;
  }

  void revive(std::size_t who) {
    const auto index = static_cast<std::uint8_t>(who);
    if (contenders_[who].running) return;
    if (!contenders_[who].connection.empty()) make({Event::disconnect, index});
    make({Event::start, index});
  }

  void settle_all() {
    for (std::size_t i = 0; i < size(); ++i) settle(i);
  }

  void vanish(std::size_t who) {
    Contender& self = contenders_[who];
    self.connection.clear();
    note(self, self.lease.on_resigned());
    self.running = false;
  }

  bool is_led_within(Duration limit) {
    for (Duration passed{}; passed <= limit; passed += settings_->tick) {
      settle_all();
      if (holder()) return true;
      make({Event::tick, 0});
    }
    return false;
  }

  void settle(std::size_t who) {
    constexpr std::array helpful{Event::execute_straggler, Event::execute, Event::deliver,
                                 Event::wake};
    const auto index = static_cast<std::uint8_t>(who);
    constexpr int most_rounds = 16;
    bool progress = true;
    for (int round = 0; progress && round < most_rounds; ++round) {
      progress = false;
      for (const Event event : helpful) {
        if (!is_possible({event, index})) continue;
        make({event, index});
        progress = true;
      }
    }
    if (is_possible({Event::look, index})) make({Event::look, index});
  }

  const Settings* settings_;
  Redis redis_;
  boost::container::static_vector<Contender, 3> contenders_;
  std::int64_t newest_token_ = 0;   // that Redis has given out
  std::int64_t highest_token_ = 0;  // of all who have won so far
  TimePoint loss_is_over_at_;
  const char* violation_ = nullptr;
};

inline std::vector<Move> all_moves(std::size_t contenders) {
  std::vector<Move> moves;
  for (std::size_t event = 0; event < event_names.size(); ++event) {
    const auto kind = static_cast<Event>(event);
    const std::size_t count = concerns_a_contender(kind) ? contenders : 1;
    for (std::size_t who = 0; who < count; ++who) {
      moves.push_back(Move{kind, static_cast<std::uint8_t>(who)});
    }
  }
  return moves;
}

}  // namespace mesh::leader::model
