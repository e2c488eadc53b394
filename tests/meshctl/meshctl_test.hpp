#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <integration/support/mesh_test.hpp>
#include <meshctl/meshctl_process.hpp>

namespace mesh::test {

/// A test of meshctl with C++ nodes that are called "billing" and have label zone=a, b ...
class MeshctlTest : public MeshTest {
 protected:
  /// The connection behind the arguments.
  std::unique_ptr<Meshctl> begin(std::vector<std::string> arguments,
                                 const std::string& standard_input = {}) {
    for (const char* option : {"--prefix", "test", "--url"}) arguments.emplace_back(option);
    arguments.push_back(url_of(redis().options()));
    return std::make_unique<Meshctl>(std::move(arguments),
                                     std::map<std::string, std::string>{{"MESHCTL_KEY", key()}},
                                     standard_input);
  }

  /// Runs it to its end, and checks its exit status.
  template <typename... Words>
  asio::awaitable<std::unique_ptr<Meshctl>> run(int status, const Words&... words) {
    return run_to_end(status, begin({std::string(words)...}));
  }
  template <typename... Words>
  asio::awaitable<std::unique_ptr<Meshctl>> run_with_input(const std::string& input, int status,
                                                           const Words&... words) {
    return run_to_end(status, begin({std::string(words)...}, input));
  }

  asio::awaitable<void> start_nodes(int count) {
    for (int i = 0; i < count; ++i) {
      MeshOptions node_options = options();
      node_options.info.name = "billing";
      node_options.info.version = "1.4." + std::to_string(i);
      node_options.info.labels["zone"] = std::string(1, static_cast<char>('a' + i));
      auto node = co_await make_node(std::move(node_options));
      Service& service = *node;
      service.register_handler<"untyped">([](const nlohmann::json& data) { return data; });
      service.register_handler<"nothing">([] {});
      service.register_handler("fail", [](CallContext&, std::string_view) -> std::string {
        throw MeshHandlerError("nothing is left", "out_of_stock", R"({"left":0})");
      });
      service.register_handler("who", [&service](CallContext&, std::string_view) {
        return std::to_string(service.instance_id());
      });
      service.register_handler("tenant", [](CallContext& call, std::string_view) {
        return '"' + call.headers().find("tenant")->second + '"';
      });
      service.register_handler("slow",
                               [](CallContext&, std::string_view) -> asio::awaitable<std::string> {
                                 co_await sleep_for(60s);
                                 co_return "null";
                               });
      co_await service.start();
      nodes_.push_back(std::move(node));
    }
  }

  asio::awaitable<void> stop_nodes() {
    const StopOptions at_once{.drain_timeout = 0ms};
    for (const auto& node : nodes_) co_await node->stop(at_once);
    nodes_.clear();
  }

  std::vector<std::unique_ptr<Service>> nodes_;

 private:
  static asio::awaitable<std::unique_ptr<Meshctl>> run_to_end(int status,
                                                              std::unique_ptr<Meshctl> process) {
    const int ended = co_await process->ended();
    EXPECT_EQ(ended, status) << process->out() << process->err();
    co_return process;
  }
};

}  // namespace mesh::test
