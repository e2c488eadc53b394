#pragma once

#include <memory>
#include <stdexcept>
#include <utility>

#include <integration/support/mesh_test.hpp>

namespace mesh::test {

/// A test of a node that calls, with id 1 if it is the first, one that is called, and perhaps one
/// between them.
class FewNodesTest : public MeshTest {
 protected:
  /// The caller with id 1, the target with id 2.
  asio::awaitable<void> start_two() {
    MeshOptions target_options = options();
    co_await start_two(std::move(target_options));
  }
  asio::awaitable<void> start_two(MeshOptions target_options) {
    caller_ = co_await start_node();
    target_ = co_await start_node(std::move(target_options));
  }
  /// What is left of them must not outlive the test's executor.
  asio::awaitable<void> stop() {
    for (std::unique_ptr<Service>* const node : {&caller_, &middle_, &target_}) {
      if (*node) co_await (*node)->stop();
      node->reset();
    }
  }

  /// The target answers "echo", but for the text "fail".
  void let_target_echo() {
    target_->register_handler<"echo">([](Text text) {
      if (text.text == "fail") throw std::runtime_error("it failed");
      return text;
    });
  }

  std::unique_ptr<Service> caller_;
  std::unique_ptr<Service> middle_;
  std::unique_ptr<Service> target_;
};

}  // namespace mesh::test
