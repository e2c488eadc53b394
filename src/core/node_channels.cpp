#include <core/node_channels.hpp>

#include <charconv>
#include <memory>
#include <string>

#include <async/event.hpp>

namespace mesh::core {

std::optional<std::int64_t> parse_heartbeat(const redis::Reply& score) {
  if (score.kind != redis::Reply::Kind::text) return std::nullopt;
  std::int64_t time = 0;  // also where others have put anything into the set
  std::from_chars(score.text.data(), score.text.data() + score.text.size(), time);
  return time;
}

void NodeChannels::publish_hint(InstanceId target, std::string_view message, TimePoint deadline) {
  publish(
      target, message, deadline, [](const redis::Outcome& /*nobody hears*/) {}, 1);
}

asio::awaitable<std::optional<Listeners>> wait_for_listeners(NodeChannels& channels, Strand strand,
                                                             InstanceId target,
                                                             TimePoint deadline) {
  struct Waiter {
    explicit Waiter(const Strand& strand) : answered(strand) {}
    Event answered;
    bool is_answered = false;
    std::optional<Listeners> found;
  };
  const auto waiter = std::make_shared<Waiter>(strand);
  channels.ask_listeners(
      target, deadline,
      [waiter](redis::Failure /*failure*/, const std::optional<Listeners>& found) {
        waiter->is_answered = true;
        waiter->found = found;
        waiter->answered.notify_all();
      });
  while (!waiter->is_answered) {
    if (!co_await waiter->answered.wait_until(deadline)) break;
  }
  co_return waiter->found;
}

}  // namespace mesh::core
