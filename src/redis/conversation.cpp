#include <redis/conversation.hpp>

#include <algorithm>
#include <cstddef>
#include <utility>

#include <redis/line_end.hpp>
#include <redis/reply_errors.hpp>
#include <redis/size_refusal.hpp>

namespace mesh::redis {

namespace {

constexpr std::size_t kept_of_oversized = std::size_t{4} << 10U;

}  // namespace

Conversation::Conversation(Connection::Callbacks callbacks, ChannelKind kind)
    : callbacks_(std::move(callbacks)), kind_(kind) {}

void Conversation::command(const Command& command, OutcomeCallback&& callback) {
  output_ += command.bytes();
  expect_reply(command.size(), std::move(callback));
}

void Conversation::publish(std::string_view channel, std::string_view message,
                           OutcomeCallback&& callback) {
  expect_reply(append_publish(output_, channel, message, kind_), std::move(callback));
}

void Conversation::expect_reply(std::size_t size, OutcomeCallback&& callback) {
  unanswered_bytes_ += size;
  unanswered_.push_back(Unanswered{size, std::move(callback)});
}

void Conversation::subscribe(const std::string& channel) {
  output_ += Command{words_of(kind_).subscribe, channel}.bytes();
  subscribed_ = true;
}

void Conversation::unsubscribe(const std::string& channel) {
  output_ += Command{words_of(kind_).unsubscribe, channel}.bytes();
  if (kind_ == ChannelKind::sharded) unsubscribing_.insert(channel);
}

void Conversation::ping() {
  const Command ping{"PING"};
  // Once subscribed, the pong comes as a push.
  output_ += ping.bytes();
  // It must not keep a large command from being sent, so it counts nothing.
  if (subscribed_) {
    ++unanswered_pings_;
  } else {
    unanswered_.push_back(Unanswered{0, [](const Outcome&) {}});
  }
}

std::optional<std::string> Conversation::receive(std::string_view bytes) {
  if (!begun_.empty()) {
    begun_ += bytes;
    bytes = begun_;
  }
  while (!ended_ && !bytes.empty()) {
    if (reader_.is_empty() && take_usual_replies(bytes)) break;
    bytes.remove_prefix(reader_.feed(bytes));
    if (auto cause = take_other_reply()) return cause;
  }
  keep_begun(bytes);
  return std::nullopt;
}

// Which hiredis was fed. Returns why the connection has to end, if it has to.
std::optional<std::string> Conversation::take_other_reply() {
  if (Reply* const reply = reader_.next()) return handle(*reply);
  if (reader_.error().empty()) return std::nullopt;
  return reader_.error();
}

// Removes them from the bytes. Returns whether what is left is the beginning of another one, which
// is not for hiredis.
bool Conversation::take_usual_replies(std::string_view& bytes) {
  pass_over(bytes);
  while (!ended_ && !bytes.empty()) {
    const UsualReply reply = read_usual_reply(bytes, kind_);
    if (is_oversized(reply)) {
      if (reply.payload.size() < std::min(kept_of_oversized, reply.payload_size)) return true;
      take_oversized(bytes, reply);
      continue;
    }
    switch (reply.kind) {
      case UsualReply::Kind::message:
        if (!unanswered_.empty() || !subscribed_) return false;
        if (callbacks_.on_message) callbacks_.on_message(reply.channel, reply.payload);
        break;
      case UsualReply::Kind::integer:
        if (unanswered_.empty()) return false;
        has_heard_redis_ = true;
        take_unanswered().callback(
            Outcome{Failure::none, Reply{Reply::Kind::integer, reply.integer, {}, {}}});
        break;
      case UsualReply::Kind::part:
        return reply.payload_size <= largest_message_;
      case UsualReply::Kind::other:
        return false;
    }
    bytes.remove_prefix(reply.size);
  }
  return true;
}

bool Conversation::is_oversized(const UsualReply& reply) const {
  return reply.payload_size > largest_message_ && subscribed_ && unanswered_.empty() &&
         reply.kind != UsualReply::Kind::other;
}

void Conversation::take_oversized(std::string_view& bytes, const UsualReply& message) {
  const auto head = static_cast<std::size_t>(message.payload.data() - bytes.data());
  to_pass_over_ = head + message.payload_size + line_end.size();
  if (callbacks_.on_oversized) {
    callbacks_.on_oversized(OversizedMessage{
        message.channel, message.payload.substr(0, kept_of_oversized), message.payload_size});
  }
  pass_over(bytes);
}

void Conversation::pass_over(std::string_view& bytes) {
  const std::size_t size = std::min(to_pass_over_, bytes.size());
  bytes.remove_prefix(size);
  to_pass_over_ -= size;
}

// The rest may be a part of what is kept.
void Conversation::keep_begun(std::string_view rest) {
  constexpr std::size_t most_memory = std::size_t{256} << 10U;
  if (begun_.empty()) {
    begun_ = rest;
  } else {
    begun_.erase(0, begun_.size() - rest.size());
  }
  if (begun_.empty() && begun_.capacity() > most_memory) std::string().swap(begun_);
}

Conversation::Unanswered Conversation::take_unanswered() {
  Unanswered oldest = std::move(unanswered_.front());
  unanswered_.pop_front();
  unanswered_bytes_ -= oldest.size;
  return oldest;
}

std::optional<std::string> Conversation::handle(Reply& reply) {
  has_heard_redis_ = true;
  if (!unanswered_.empty()) {
    Unanswered answered = take_unanswered();
    if (reply.is_error() && callbacks_.on_error_reply) callbacks_.on_error_reply(reply);
    answered.callback(Outcome{Failure::none, std::move(reply)});
    return std::nullopt;
  }
  if (is_pong(reply)) {
    --unanswered_pings_;
    return std::nullopt;
  }
  if (reply.is_error()) {
    // Such as that there are too many clients, that the channel is not permitted, or that another
    // node of the cluster has its slot.
    if (callbacks_.on_error_reply) callbacks_.on_error_reply(reply);
    return reply.text;
  }
  if (!subscribed_) return "a reply to nothing that was asked";
  if (auto cause = take_push(reply)) return cause;
  // The memory of usual messages serves for the next one.
  constexpr std::size_t usual_size = std::size_t{64} << 10U;
  if (!reply.elements.empty() && reply.elements.back().text.capacity() > usual_size) reply = {};
  return std::nullopt;
}

// Skips what is of no concern, such as the confirmation that nothing comes any more.
std::optional<std::string> Conversation::take_push(const Reply& push) {
  if (push.elements.size() < 3) return std::nullopt;
  const ChannelWords& words = words_of(kind_);
  const std::string& kind = push.elements[0].text;
  const std::string& channel = push.elements[1].text;
  if (kind == words.message) {
    if (callbacks_.on_message) callbacks_.on_message(channel, push.elements[2].text);
  } else if (kind == words.subscribed) {
    if (callbacks_.on_subscribed) callbacks_.on_subscribed(channel);
  } else if (kind_ == ChannelKind::sharded && kind == words.unsubscribed) {
    return take_unsubscribed(channel);
  }
  return std::nullopt;
}

// A node that gives up a slot ends the subscriptions there and says just that.
std::optional<std::string> Conversation::take_unsubscribed(const std::string& channel) {
  const auto asked = unsubscribing_.find(channel);
  if (asked == unsubscribing_.end()) return std::string(slot_is_elsewhere);
  unsubscribing_.erase(asked);
  return std::nullopt;
}

// Of a connection that was subscribed; it is no push any more where no channel is left. A Redis
// that refuses a PING for now has answered as well.
bool Conversation::is_pong(const Reply& reply) const {
  if (unanswered_pings_ == 0) return false;
  if (reply.is_error()) return is_disk_error(reply) || is_passing_refusal(reply);
  if (reply.kind == Reply::Kind::text) return reply.text == "PONG";
  return !reply.elements.empty() && reply.elements.front().text == "pong";
}

void Conversation::end(bool was_lost) {
  ended_ = true;
  output_.clear();
  unanswered_bytes_ = 0;
  if (was_lost) suspect_size_ = find_suspect();
  bool is_found = suspect_size_ == 0;
  for (Unanswered& command : std::exchange(unanswered_, {})) {
    Outcome outcome{Failure::disconnected};
    const bool is_suspect = !is_found && command.size == suspect_size_;
    if (is_suspect) outcome.suspect_size = suspect_size_;
    is_found = is_found || is_suspect;
    command.callback(std::move(outcome));
  }
}

std::size_t Conversation::find_suspect() const {
  const auto largest = std::ranges::max_element(unanswered_, {}, &Unanswered::size);
  if (largest == unanswered_.end() || largest->size < least_suspect_size) return 0;
  return largest->size;
}

}  // namespace mesh::redis
