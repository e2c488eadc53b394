#include <chrono>

#include "messages.hpp"

using namespace std::chrono_literals;

asio::awaitable<void> run_node(const mesh::MeshOptions& options);

asio::awaitable<void> run() { co_await run_node(mesh::MeshOptions{.node_ttl = 20s}); }
