#include <chrono>
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>
#include <mesh/options.hpp>

#include <micro/count_allocations.hpp>
#include <micro/payloads.hpp>
#include <wire/decode.hpp>
#include <wire/encode.hpp>

namespace mesh::bench {
namespace {

using namespace std::chrono_literals;
using benchmark::State;

template <typename Encode>
void encode(State& state, Encode encode_message) {
  const CountAllocations count(state);
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(encode_message());
}

void decode(State& state, const std::string& text) {
  const MeshLimits limits;
  const CountAllocations count(state);
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(wire::decode_node_message(text, limits));
  }
}

std::string request(std::string_view data) {
  return wire::encode_request({request_id(), 12345, "echo", data, 10s});
}

void encode_request(State& state) {
  const std::string data = string_payload(payload_size(state));
  encode(state, [&data] { return request(data); });
}
void encode_response(State& state) {
  const std::string data = string_payload(payload_size(state));
  encode(state, [&data] { return wire::encode_response(request_id(), data); });
}
void encode_error(State& state) {
  const std::string text = plain_text(payload_size(state));
  encode(state, [&text] { return wire::encode_error(request_id(), text); });
}
void encode_heartbeat(State& state) {
  encode(state, [] { return wire::encode_heartbeat(request_id()); });
}
void encode_broadcast(State& state) {
  const std::string data = string_payload(payload_size(state));
  encode(state, [&data] { return wire::encode_broadcast(12345, "echo", data); });
}

void decode_request(State& state) { decode(state, request(string_payload(payload_size(state)))); }
void decode_request_of_objects(State& state) {
  decode(state, request(object_payload(payload_size(state))));
}
void decode_response(State& state) {
  decode(state, wire::encode_response(request_id(), string_payload(payload_size(state))));
}
void decode_error(State& state) {
  decode(state, wire::encode_error(request_id(), plain_text(payload_size(state))));
}
void decode_heartbeat(State& state) { decode(state, wire::encode_heartbeat(request_id())); }
void decode_broadcast(State& state) {
  const std::string text =
      wire::encode_broadcast(12345, "echo", string_payload(payload_size(state)));
  const MeshLimits limits;
  const CountAllocations count(state);
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(wire::decode_broadcast(text, limits));
  }
}

BENCHMARK(encode_request)->Apply(payload_sizes);
BENCHMARK(encode_response)->Apply(payload_sizes);
BENCHMARK(encode_error)->Apply(payload_sizes);
BENCHMARK(encode_heartbeat);
BENCHMARK(encode_broadcast)->Apply(payload_sizes);
BENCHMARK(decode_request)->Apply(payload_sizes);
BENCHMARK(decode_request_of_objects)->Apply(payload_sizes);
BENCHMARK(decode_response)->Apply(payload_sizes);
BENCHMARK(decode_error)->Apply(payload_sizes);
BENCHMARK(decode_heartbeat);
BENCHMARK(decode_broadcast)->Apply(payload_sizes);

}  // namespace
}  // namespace mesh::bench
