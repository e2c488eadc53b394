// The least that Redis pub/sub can do: sends back every message that comes.
#include <cstdint>
#include <string_view>

#include <floor_messages.hpp>
#include <load.hpp>
#include <raw_redis.hpp>

namespace {

using namespace mesh::bench;

[[noreturn]] void echo_all(std::uint16_t port) {
  RawPeer peer(port, call_channel);
  print_ready();
  for (;;) {
    peer.turn([&](std::string_view message) { peer.publish(answer_channel, message); });
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Echoes messages of bench_floor_caller."};
  std::uint16_t port = 0;
  app.add_option("--redis", port, "Port of Redis")->required();
  return run_program(app, argc, argv, [&] { echo_all(port); });
}
