// The same with the library: three handlers, a call, the codec for nlohmann_json.
#include <string>

#include <boost/asio/awaitable.hpp>
#include <mesh/mesh.hpp>

struct Text {
  std::string text;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Text, text)

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
