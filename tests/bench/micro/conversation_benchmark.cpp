#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include <micro/count_allocations.hpp>
#include <micro/payloads.hpp>
#include <redis/conversation.hpp>

namespace mesh::bench {
namespace {

using benchmark::State;

std::string bulk(std::string_view text) {
  std::string bytes = "$";
  bytes.append(std::to_string(text.size())).append("\r\n").append(text).append("\r\n");
  return bytes;
}

/// One PUBLISH becomes bytes, and its answer reaches the callback.
void publish_and_reply(State& state) {
  redis::Conversation conversation({});
  const std::string payload = plain_text(payload_size(state));
  std::size_t replies = 0;
  const CountAllocations count(state);
  for ([[maybe_unused]] auto _ : state) {
    const redis::Command command{"PUBLISH", "mesh:mesh:key:node:12345", payload};
    conversation.command(command, [&replies](const redis::Outcome& /*outcome*/) { ++replies; });
    benchmark::DoNotOptimize(conversation.output().data());
    conversation.output().clear();
    conversation.receive(":1\r\n");
  }
}

/// The bytes of one message of a subscription reach the callback.
void receive_message(State& state) {
  std::size_t size = 0;
  redis::Connection::Callbacks callbacks;
  callbacks.on_message = [&size](std::string_view /*channel*/, std::string_view payload) {
    size += payload.size();
  };
  redis::Conversation conversation(callbacks);
  conversation.subscribe("channel");
  const std::string bytes = "*3\r\n" + bulk("message") + bulk("mesh:mesh:key:node:12345") +
                            bulk(plain_text(payload_size(state)));
  const CountAllocations count(state);
  for ([[maybe_unused]] auto _ : state) conversation.receive(bytes);
  benchmark::DoNotOptimize(size);
}

BENCHMARK(publish_and_reply)->Apply(payload_sizes);
BENCHMARK(receive_message)->Apply(payload_sizes);

}  // namespace
}  // namespace mesh::bench
