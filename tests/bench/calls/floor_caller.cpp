// Redis pub/sub at its barest: bytes written and read by hand.
#include <ping_pong.hpp>
#include <raw_redis.hpp>

int main(int argc, char** argv) {
  return mesh::bench::run_ping_pong_caller<mesh::bench::RawPeer>(argc, argv);
}
