#include <redis/primaries.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <async/event.hpp>
#include <redis/inquiry_pace.hpp>
#include <util/describe_error.hpp>
#include <util/flag_raised.hpp>

namespace mesh::redis {

Primaries::Primaries(Strand strand, RedisOptions options, std::size_t queued_bytes, LogSink log,
                     std::shared_ptr<Client> first, std::uint16_t first_slot)
    : strand_(std::move(strand)),
      options_(std::move(options)),
      queued_bytes_(queued_bytes),
      log_(std::move(log)),
      tasks_(strand_,
             [log = log_](const std::exception_ptr& error) {
               log(LogLevel::error, "redis (primaries): gave up: " + describe_error(error));
             }),
      first_slot_(first_slot),
      table_(first_slot) {
  members_.push_back(Member{std::move(first), false});
  on_first_changed();
}

void Primaries::open() {
  is_closed_ = false;
  table_ = SlotTable(first_slot_);
  members_.resize(1);
  on_first_changed();
  tasks_.spawn(ask_now_and_then(shared_from_this()));
}

const std::shared_ptr<Client>& Primaries::add(std::uint16_t slot) {
  const SlotTable::Place place = table_.add(slot);
  if (place == members_.size()) members_.emplace_back();
  Member& member = members_[place];
  member.is_first_time = !table_.is_successor(place);
  member.client =
      std::make_shared<Client>(strand_, options_, "commands of slot " + std::to_string(slot),
                               queued_bytes_, log_, nullptr, slot);
  member.client->count_waiting(bytes_waiting_);
  Client::Events events;
  events.before_write = events_.before_write;
  events.on_ready = [weak = weak_from_this(), place] {
    if (const auto self = weak.lock()) self->on_member_changed(place);
  };
  events.on_lost = events.on_ready;
  events.on_redirection = [weak = weak_from_this()](const Redirection& redirection) {
    if (const auto self = weak.lock()) self->on_redirection(redirection);
  };
  events.on_slots = [weak = weak_from_this()](const SlotMap& map) {
    if (const auto self = weak.lock()) self->on_slots(map);
  };
  member.client->set_events(std::move(events));
  if (!is_closed_) member.client->open();
  return member.client;
}

void Primaries::on_member_changed(SlotTable::Place place) {
  changed_at_ = Clock::now();
  Member& member = members_[place];
  const auto primary = member.client->connected_to();
  if (primary) {
    table_.note_connected(place, *primary);
  } else {
    table_.note_lost(place);
  }
  close_superfluous();
  if (place == SlotTable::first) return;
  const bool is_first_time = std::exchange(member.is_first_time, false);
  if (!primary) {
    if (events_.on_lost) events_.on_lost();
    return;
  }
  if (!is_first_time && events_.on_reconnected) events_.on_reconnected();
  if (events_.on_ready) events_.on_ready();
}

void Primaries::on_first_changed() { on_member_changed(SlotTable::first); }

void Primaries::on_redirection(const Redirection& redirection) {
  if (redirection.is_asking) return;
  table_.note_moved(redirection.slot, redirection.target);
  on_moved();
}

void Primaries::on_slots(const SlotMap& map) {
  learn_nodes(map);
  if (table_.note_slots(map)) on_moved();
}

void Primaries::learn_nodes(const SlotMap& map) {
  for (const Member& member : members_) {
    if (member.client) member.client->learn_nodes(map);
  }
  if (events_.on_nodes) events_.on_nodes(map);
}

// What has moved unnoticed costs each message to it a redirection, and who knows only nodes that
// are gone by now finds nobody after a loss.
asio::awaitable<void> Primaries::ask_now_and_then(std::shared_ptr<Primaries> /*self*/) {
  constexpr int rarely = 12;
  InquiryPace pace(rarely * options_.health_check_interval);
  std::uniform_real_distribution<double> jitter(0.0, 1.0);
  Event never(strand_);
  for (;;) {
    pace.note_asked(Clock::now(), jitter(random_));
    co_await never.wait_until(pace.due());
    ask_all();
  }
}

void Primaries::ask_all() {
  const auto members = members_;  // what is written before a question may add some
  for (const Member& member : members) ask(member.client);
}

void Primaries::ask(const std::shared_ptr<Client>& client) {
  if (!client || !client->can_send()) return;
  client->submit(
      slots_query(), Clock::now() + options_.connect_timeout,
      [weak = weak_from_this(), asked = std::weak_ptr(client)](const Outcome& outcome) {
        const auto self = weak.lock();
        const auto teller = asked.lock();
        if (self && teller && outcome.failure == Failure::none) {
          self->on_told(*teller, outcome.reply);
        }
      },
      Priority::control);
}

void Primaries::on_told(const Client& teller, const Reply& reply) {
  const auto primary = teller.connected_to();
  if (!primary || is_closed_) return;
  const auto map = SlotMap::parse(reply, *primary);
  if (!map) return;
  learn_nodes(*map);
  if (table_.note_slots_of(*primary, *map)) on_moved();
}

void Primaries::on_moved() {
  changed_at_ = Clock::now();
  close_superfluous();
}

void Primaries::close_superfluous() {
  if (is_closed_ || is_closing_some_ || table_.superfluous().empty()) return;
  tasks_.spawn(close_when_idle(shared_from_this()));
}

// Not at once: whoever has just got it by `of()` may still submit something.
asio::awaitable<void> Primaries::close_when_idle(std::shared_ptr<Primaries> /*self*/) {
  constexpr std::chrono::milliseconds pause{100};
  if (is_closing_some_) co_return;
  const FlagRaised closing(is_closing_some_);
  Event never(strand_);
  for (;;) {
    const std::vector<SlotTable::Place> places = table_.superfluous();
    if (places.empty()) co_return;
    co_await never.wait_until(Clock::now() + pause);
    for (const SlotTable::Place place : places) {
      const auto client = members_[place].client;
      if (!client->is_idle()) continue;
      client->close();
      // Its place is another one's only once it says nothing more.
      if (!co_await client->join_until(Clock::now() + options_.connect_timeout)) continue;
      members_[place] = Member{};
      table_.remove(place);
    }
  }
}

asio::awaitable<void> Primaries::wait_answered(TimePoint deadline) {
  constexpr std::chrono::milliseconds pause{2};
  const auto self = shared_from_this();
  const auto is_answered = [](const Member& member) {
    return !member.client || member.client->is_in_trouble() || member.client->is_idle();
  };
  Event never(strand_);
  while (!std::ranges::all_of(members_, is_answered) && Clock::now() < deadline) {
    co_await never.wait_until(std::min(deadline, Clock::now() + pause));
  }
}

void Primaries::close() {
  if (std::exchange(is_closed_, true)) return;
  tasks_.cancel_all();
  for (std::size_t place = SlotTable::first + 1; place < members_.size(); ++place) {
    if (const auto client = members_[place].client) client->close();
  }
}

asio::awaitable<bool> Primaries::join_until(TimePoint deadline) {
  const auto self = shared_from_this();
  bool has_ended = co_await tasks_.join_until(deadline);
  for (std::size_t place = SlotTable::first + 1; place < members_.size(); ++place) {
    const auto client = members_[place].client;
    if (!client) continue;
    const bool client_has_ended = co_await client->join_until(deadline);
    has_ended = has_ended && client_has_ended;
  }
  co_return has_ended;
}

std::size_t Primaries::size() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      members_, [](const Member& member) { return member.client != nullptr; }));
}

}  // namespace mesh::redis
