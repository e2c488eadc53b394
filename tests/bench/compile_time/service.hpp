// Three handlers and a call, with a `Text` that has a codec.
#pragma once

#include <string>

#include <boost/asio/awaitable.hpp>
#include <mesh/core.hpp>

using Messages =
    mesh::MessageMap<mesh::Message<"first", Text, Text>, mesh::Message<"second", Text, Text>,
                     mesh::Message<"third", Text, void>>;

boost::asio::awaitable<std::string> run() {
  mesh::MeshService<Messages> service(co_await boost::asio::this_coro::executor, "key");
  service.register_handler<"first">([](Text text) { return text; });
  service.register_handler<"second">(
      [](Text text) -> boost::asio::awaitable<Text> { co_return text; });
  service.register_handler<"third">([](const Text&) {});
  co_await service.start();
  const Text text{"a"};
  const Text answer = co_await service.invoke<"first">(1, text);
  co_await service.stop();
  co_return answer.text;
}
