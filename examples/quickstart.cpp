#include <iostream>

#include <boost/asio.hpp>
#include <mesh/mesh.hpp>

namespace asio = boost::asio;

struct Order {
  std::string item;
  int count = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Order, item, count)

using Messages = mesh::MessageMap<mesh::Message<"price", Order, double>>;

asio::awaitable<void> run() {
  auto executor = co_await asio::this_coro::executor;
  mesh::MeshService<Messages> shop{executor, "quickstart"};   // two nodes of one mesh; usually
  mesh::MeshService<Messages> buyer{executor, "quickstart"};  // each lives in its own process
  shop.register_handler<"price">([](const Order& order) { return 2.5 * order.count; });
  co_await shop.start();
  co_await buyer.start();

  const Order order{.item = "apple", .count = 3};  // a named variable, never a temporary
  const double price = co_await buyer.invoke<"price">(shop.instance_id(), order);
  std::cout << order.count << " x " << order.item << ": " << price << '\n';

  for (const mesh::MeshNode& node : co_await buyer.get_nodes()) {
    std::cout << node.instance_id << " @ " << node.hostname << (node.self ? " (self)\n" : "\n");
  }
  co_await buyer.stop();
  co_await shop.stop();
}

int main() try {
  asio::io_context context;
  asio::co_spawn(context, run(), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
  context.run();
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
