#include <chrono>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include <benchmark/benchmark.h>
#include <boost/asio/bind_executor.hpp>
#include <mesh/codec/nlohmann.hpp>
#include <mesh/detail/handler.hpp>
#include <mesh/detail/post_completion.hpp>
#include <mesh/log.hpp>

#include <core/counters.hpp>
#include <core/pending_calls.hpp>
#include <core/request_server.hpp>
#include <micro/count_allocations.hpp>
#include <micro/payloads.hpp>
#include <micro/sequential_id.hpp>
#include <micro/strand_runner.hpp>
#include <wire/decode.hpp>
#include <wire/encode.hpp>

namespace mesh::bench {
namespace {

using namespace std::chrono_literals;
using benchmark::State;

std::shared_ptr<detail::RequestHandler> echo_handler() {
  auto echo = [](std::string text) { return text; };
  return std::make_shared<detail::FunctionHandler<decltype(echo), std::string, std::string>>("echo",
                                                                                             echo);
}

std::shared_ptr<core::RequestServer> make_server(StrandRunner& runner, core::Counters& counters) {
  core::RequestServer::Context context{runner.strand(), runner.context().get_executor(),
                                       MeshLimits{}, 10s, null_log_sink()};
  auto server = std::make_shared<core::RequestServer>(std::move(context), counters);
  server->handlers().set("echo", echo_handler());
  return server;
}

/// The text of a request becomes a call of the handler, and its result the text of a response.
void dispatch_request(State& state) {
  StrandRunner runner;
  core::Counters counters;
  const MeshLimits limits;
  const auto server = make_server(runner, counters);
  bool answered = false;
  server->start([&answered](InstanceId /*target*/, const core::Answer& answer) {
    benchmark::DoNotOptimize(answer.message.data());
    answered = true;
  });
  const std::string data = string_payload(payload_size(state));
  SequentialId text(wire::encode_request({request_id(), 12345, "echo", data, 10s}));
  const CountAllocations count(state);
  for ([[maybe_unused]] auto _ : state) {
    answered = false;
    const std::string& message = text.next();
    runner.run(
        [&server, &message, &limits] {
          auto decoded = wire::decode_node_message(message, limits);
          server->on_request(std::move(std::get<wire::Request>(decoded)));
        },
        answered);
  }
}

/// A pending call is entered, the text of its response decoded, and its completion called.
void dispatch_response(State& state) {
  StrandRunner runner;
  core::Counters counters;
  const MeshLimits limits;
  core::PendingCalls calls(runner.strand(), counters);
  const std::string data = string_payload(payload_size(state));
  SequentialId text(wire::encode_response(request_id(), data));
  bool completed = false;
  const CountAllocations count(state);
  for ([[maybe_unused]] auto _ : state) {
    completed = false;
    const std::string& message = text.next();
    auto complete = [&completed](const std::exception_ptr& /*error*/, const std::string& result) {
      benchmark::DoNotOptimize(detail::decode_payload<std::string>("echo", result, Executed::yes));
      completed = true;
    };
    runner.run(
        [&] {
          detail::PostedHandler posted(runner.context().get_executor(),
                                       asio::bind_executor(runner.strand(), complete));
          core::PendingCall call{std::move(posted), 7, "echo", 10s, Clock::now(), data};
          calls.add(text.id(), std::move(call));
          auto decoded = wire::decode_node_message(message, limits);
          calls.on_response(std::get<wire::Response>(decoded));
        },
        completed);
  }
}

BENCHMARK(dispatch_request)->Apply(payload_sizes);
BENCHMARK(dispatch_response)->Apply(payload_sizes);

}  // namespace
}  // namespace mesh::bench
