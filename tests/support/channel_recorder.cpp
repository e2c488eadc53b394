#include <support/channel_recorder.hpp>

#include <hiredis/hiredis.h>
#include <poll.h>

#include <exception>
#include <memory>
#include <string_view>
#include <utility>

#include <support/hiredis_connect.hpp>
#include <support/redis_probe.hpp>
#include <support/redis_reply.hpp>
#include <support/wait.hpp>

namespace mesh::test {

namespace {

struct FreeContext {
  void operator()(redisContext* context) const { redisFree(context); }
};

/// Null if nothing arrived within a moment.
ReplyPointer next_reply(redisContext& context) {
  void* reply = nullptr;
  if (redisGetReplyFromReader(&context, &reply) != REDIS_OK) throw RedisProbeError(context.errstr);
  if (reply != nullptr) return ReplyPointer(static_cast<redisReply*>(reply));
  pollfd descriptor{};
  descriptor.fd = context.fd;
  descriptor.events = POLLIN;
  constexpr int patience_ms = 20;
  if (poll(&descriptor, 1, patience_ms) > 0 && redisBufferRead(&context) != REDIS_OK) {
    throw RedisProbeError(context.errstr);
  }
  return nullptr;
}

void send_all(redisContext& context) {
  int done = 0;
  while (done == 0) {
    if (redisBufferWrite(&context, &done) != REDIS_OK) throw RedisProbeError(context.errstr);
  }
}

using Context = std::unique_ptr<redisContext, FreeContext>;

Context subscribe(const RedisOptions& options, const std::string& command,
                  const std::vector<std::string>& channels) {
  Context context(connect_blocking(options, std::chrono::seconds(10)));
  for (const std::string& channel : channels) {
    redisAppendCommand(context.get(), (command + " %b").c_str(), channel.data(), channel.size());
  }
  send_all(*context);
  return context;
}

/// In a cluster each channel has a connection of its own, as it may be at another primary.
std::vector<Context> subscribe(const RedisOptions& options,
                               const std::vector<std::string>& channels) {
  std::vector<Context> contexts;
  if (options.cluster.empty()) {
    contexts.push_back(subscribe(options, "SUBSCRIBE", channels));
    return contexts;
  }
  RedisProbe probe(options);
  for (const std::string& channel : channels) {
    const RedisOptions primary = probe.at_primary_of(channel).options();
    contexts.push_back(subscribe(primary, "SSUBSCRIBE", {channel}));
  }
  return contexts;
}

}  // namespace

ChannelRecorder::ChannelRecorder(const RedisOptions& options, std::vector<std::string> channels) {
  thread_ = std::thread([this, options, channels = std::move(channels)] {
    try {
      listen(options, channels);
    } catch (const std::exception& error) {
      const std::lock_guard lock(mutex_);
      failure_ = error.what();
    }
  });
  const auto failure = [this] {
    const std::lock_guard lock(mutex_);
    return failure_;
  };
  wait_until([&] { return subscribed_ || !failure().empty(); });
  if (!subscribed_) {
    stop_ = true;
    thread_.join();
    throw RedisProbeError("cannot subscribe: " + failure());
  }
}

ChannelRecorder::~ChannelRecorder() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void ChannelRecorder::listen(const RedisOptions& options,
                             const std::vector<std::string>& channels) {
  const std::vector<Context> contexts = subscribe(options, channels);
  std::size_t confirmed = 0;
  std::size_t turn = 0;
  while (!stop_) {
    const ReplyPointer reply = next_reply(*contexts[turn % contexts.size()]);
    if (!reply) ++turn;
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 3) continue;
    const std::string_view kind = text_of(*reply->element[0]);
    if (kind.ends_with("subscribe") && ++confirmed == channels.size()) subscribed_ = true;
    if (!kind.ends_with("message")) continue;
    const std::lock_guard lock(mutex_);
    messages_.push_back(
        {std::string(text_of(*reply->element[1])), std::string(text_of(*reply->element[2]))});
  }
}

std::vector<ChannelRecorder::Message> ChannelRecorder::messages() const {
  const std::lock_guard lock(mutex_);
  return messages_;
}

std::size_t ChannelRecorder::size() const {
  const std::lock_guard lock(mutex_);
  return messages_.size();
}

std::vector<nlohmann::json> ChannelRecorder::json() const {
  std::vector<nlohmann::json> documents;
  for (const Message& message : messages()) {
    documents.push_back(nlohmann::json::parse(message.payload));
  }
  return documents;
}

}  // namespace mesh::test
