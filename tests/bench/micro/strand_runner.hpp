#pragma once

#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <async/strand.hpp>

namespace mesh::bench {

/// A context and a strand on it for what is used on a strand.
class StrandRunner {
 public:
  asio::io_context& context() { return context_; }
  const Strand& strand() const { return strand_; }

  /// Runs `step` on the strand, and then whatever is ready until `done`.
  template <typename Step>
  void run(Step step, const bool& done) {
    asio::post(strand_, std::move(step));
    while (!done) context_.run_one();
  }

 private:
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  Strand strand_{context_.get_executor()};
};

}  // namespace mesh::bench
