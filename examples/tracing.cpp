// Three nodes of one mesh, one of which calls the second, which calls the third; and a tracer that
// prints what it was told of as a tree.

#include <cstddef>
#include <exception>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio.hpp>
#include <mesh/mesh.hpp>
#include <mesh/tracing.hpp>

namespace asio = boost::asio;

using Messages = mesh::MessageMap<mesh::Message<"total", int, double>,  //
                                  mesh::Message<"price", std::string, double>>;
using Node = mesh::MeshService<Messages>;

/// May be used from any thread.
class PrintingTracer : public mesh::Tracer {
 public:
  std::unique_ptr<mesh::Span> start_span(const mesh::SpanStart& start) override {
    auto context = mesh::TraceContext::make(start.parent);
    std::string text = std::string(to_string(start.kind)) + ' ' + std::string(start.type);
    text += start.kind == mesh::SpanKind::client ? " to node " : " for node ";
    text += std::to_string(start.node);
    const std::lock_guard lock(mutex_);
    records_.push_back({context, start.parent, text});
    return std::make_unique<Running>(*this, records_.size() - 1, std::move(context));
  }

  /// Those below a span, or those that begin a trace.
  void print(std::ostream& out, const std::optional<mesh::TraceContext>& parent = {},
             std::size_t depth = 0) const {
    for (const Record& record : records_) {
      if (record.parent != parent) continue;
      out << std::string(2 * depth, ' ') << record.text << ": " << record.outcome << '\n';
      print(out, record.context, depth + 1);
    }
  }

 private:
  struct Record {
    mesh::TraceContext context;
    std::optional<mesh::TraceContext> parent;
    std::string text;
    std::string outcome = "runs";
  };

  class Running : public mesh::Span {
   public:
    Running(PrintingTracer& tracer, std::size_t index, mesh::TraceContext context)
        : tracer_(tracer), index_(index), context_(std::move(context)) {}
    mesh::TraceContext context() const override { return context_; }
    void end(std::optional<std::string_view> error) override {
      const std::lock_guard lock(tracer_.mutex_);
      tracer_.records_.at(index_).outcome = error.value_or("ok");
    }

   private:
    PrintingTracer& tracer_;
    std::size_t index_;
    mesh::TraceContext context_;
  };

  std::mutex mutex_;
  std::vector<Record> records_;
};

asio::awaitable<void> run() {
  const auto executor = co_await asio::this_coro::executor;
  const auto tracer = std::make_shared<PrintingTracer>();
  mesh::MeshOptions options;
  options.interceptors = {std::make_shared<mesh::TracingInterceptor>(tracer)};
  Node buyer{executor, "tracing", options};
  Node shop{executor, "tracing", options};
  Node warehouse{executor, "tracing", options};

  shop.register_handler<"total">(
      [&](mesh::CallContext& call, int count) -> asio::awaitable<double> {
        const mesh::InvokeOptions on_behalf{.parent = &call};  // this is what makes it one trace
        const std::string item = count > 0 ? "apple" : "nothing";
        co_return count* co_await shop.invoke<"price">(warehouse.instance_id(), item, on_behalf);
      });
  warehouse.register_handler<"price">([](const std::string& item) {
    if (item != "apple") throw std::runtime_error("there is no price of " + item);
    return 2.5;
  });
  for (Node* const node : {&buyer, &shop, &warehouse}) co_await node->start();
  for (const int count : {3, 0}) {
    try {
      co_await buyer.invoke<"total">(shop.instance_id(), count);
    } catch (const mesh::MeshHandlerError&) {
      // The trace has it.
    }
  }
  for (Node* const node : {&buyer, &shop, &warehouse}) co_await node->stop();
  tracer->print(std::cout);
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
