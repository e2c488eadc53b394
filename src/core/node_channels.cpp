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

asio::awaitable<NodeChannels::Answer> wait_for_listeners(NodeChannels& channels, Strand strand,
                                                         InstanceId target, TimePoint deadline) {
  struct Waiter {
    explicit Waiter(const Strand& strand) : arrived(strand) {}
    Event arrived;
    std::optional<NodeChannels::Answer> answer;
  };
  const auto waiter = std::make_shared<Waiter>(strand);
  channels.ask_listeners(target, deadline, [waiter](const NodeChannels::Answer& answer) {
    waiter->answer = answer;
    waiter->arrived.notify_all();
  });
  while (!waiter->answer) {
    if (!co_await waiter->arrived.wait_until(deadline) && !waiter->answer) {
      NodeChannels::Answer none;
      none.failure = redis::Failure::expired;
      co_return none;
    }
  }
  co_return *waiter->answer;
}

}  // namespace mesh::core
