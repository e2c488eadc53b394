#include "messages.hpp"

asio::awaitable<void> run(Service& service) { co_await service.broadcast<"news">({.name = "Ada"}); }
