#include "replayer.hpp"

#include <chrono>
#include <exception>
#include <string_view>
#include <utility>
#include <vector>

namespace mesh::chaos {

namespace {

constexpr int one_in = 6;
constexpr Nanoseconds millisecond = 1'000'000;
constexpr Nanoseconds delays[] = {3 * millisecond, 250 * millisecond, 1500 * millisecond};

/// What a node adds that sends a request again itself; the receiver then answers again, too.
std::string mark_as_repetition(std::string text) {
  const std::size_t end = text.rfind('}');
  return end == std::string::npos ? text : text.insert(end, ",\"repeat\":true");
}

/// Those that are in a request or a frame.
std::vector<std::string> calls_in(const std::string& text) {
  constexpr std::string_view field = "\"call\":\"";
  std::vector<std::string> calls;
  for (std::size_t at = text.find(field); at != std::string::npos; at = text.find(field, at)) {
    at += field.size();
    calls.push_back(text.substr(at, text.find('"', at) - at));
  }
  return calls;
}

}  // namespace

Replayer::Replayer(World& world, EventLog& log, std::uint64_t seed)
    : world_(world), log_(log), random_(seed), thread_([this] { run(); }) {}

Replayer::~Replayer() {
  stop_ = true;
  thread_.join();
}

void Replayer::on_request(const std::string& channel, const std::string& text) {
  const std::lock_guard lock(mutex_);
  if (suspended_ > 0 || std::uniform_int_distribution<int>(1, one_in)(random_) != 1) return;
  for (const Nanoseconds delay : delays) {
    const bool marked = std::uniform_int_distribution<int>(0, 1)(random_) == 1;
    queue_.push(Repetition{now_ns() + delay, channel, marked ? mark_as_repetition(text) : text});
  }
}

void Replayer::suspend() {
  const std::lock_guard publishing(publishing_);
  const std::lock_guard lock(mutex_);
  ++suspended_;
  queue_ = {};
}

void Replayer::resume() {
  const std::lock_guard lock(mutex_);
  --suspended_;
}

void Replayer::run() {
  while (!stop_) {
    try {
      publish_due();
    } catch (const std::exception&) {
      // Redis is away: the repetition is lost, which is as good as none.
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

void Replayer::publish_due() {
  for (;;) {
    const std::lock_guard publishing(publishing_);
    Repetition next;
    {
      const std::lock_guard lock(mutex_);
      if (queue_.empty() || queue_.top().due > now_ns()) return;
      next = queue_.top();
      queue_.pop();
    }
    log_.write("replay", {{"channel", next.channel}, {"calls", calls_in(next.text)}});
    world_.publish(next.channel, next.text);
    ++count_;
  }
}

}  // namespace mesh::chaos
