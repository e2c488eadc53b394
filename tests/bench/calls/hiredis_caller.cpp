// Redis pub/sub by way of the asynchronous interface of hiredis.
#include <async_redis.hpp>
#include <ping_pong.hpp>

int main(int argc, char** argv) {
  return mesh::bench::run_ping_pong_caller<mesh::bench::AsyncPeer>(argc, argv);
}
