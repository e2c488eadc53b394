// Two nodes of one mesh, each with an interceptor: one begins a trace where there is none and
// writes down what belongs to it, the other counts calls by how they ended.

#include <exception>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

#include <boost/asio.hpp>
#include <mesh/mesh.hpp>

namespace asio = boost::asio;

using Messages =
    mesh::MessageMap<mesh::Message<"half", int, int>, mesh::Message<"missing", int, int>>;
using Node = mesh::MeshService<Messages>;

class Tracer : public mesh::Interceptor {
 public:
  void before_call(mesh::CallStart& call) override { call.headers.try_emplace("trace", "t-1"); }

  void after_handler(const mesh::CallContext& call, const mesh::HandlerEnd& end) override {
    const auto trace = call.headers().find("trace");
    std::cout << (trace == call.headers().end() ? "untraced" : trace->second) << ": " << call.type()
              << (end.error ? " failed\n" : " done\n");
  }
};

/// May be read and written from any thread.
class Metrics : public mesh::Interceptor {
 public:
  void after_call(const mesh::CallEnd& call) override {
    const std::string outcome = outcome_of(call.error);
    const std::lock_guard lock(mutex_);
    ++calls_[outcome];
  }

  void print(std::ostream& out) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [outcome, count] : calls_) out << outcome << ' ' << count << '\n';
  }

 private:
  static std::string outcome_of(const std::exception_ptr& error) {
    if (!error) return "ok";
    try {
      std::rethrow_exception(error);
    } catch (const mesh::MeshRequestTimeoutError&) {
      return "timeout";
    } catch (const mesh::MeshRefusedError& refused) {
      return "refused: " + std::string(mesh::to_string(refused.reason()));
    } catch (const mesh::MeshHandlerError&) {
      return "failed";
    } catch (...) {
      return "other";
    }
  }

  mutable std::mutex mutex_;
  std::map<std::string, int> calls_;
};

asio::awaitable<void> run() {
  const auto executor = co_await asio::this_coro::executor;
  const auto metrics = std::make_shared<Metrics>();
  mesh::MeshOptions options;
  options.interceptors = {std::make_shared<Tracer>(), metrics};
  Node server{executor, "interceptors", options};
  Node client{executor, "interceptors", options};
  server.register_handler<"half">([](int number) {
    if (number % 2 != 0) throw std::runtime_error("it is odd");
    return number / 2;
  });
  co_await server.start();
  co_await client.start();
  for (const int number : {2, 3, 4}) {
    try {
      co_await client.invoke<"half">(server.instance_id(), number);
    } catch (const mesh::MeshHandlerError& error) {
      std::cout << number << ": " << error.what() << '\n';
    }
  }
  try {
    co_await client.invoke<"missing">(server.instance_id(), 1);
  } catch (const mesh::MeshNoHandlerError& error) {
    std::cout << error.what() << '\n';
  }
  metrics->print(std::cout);
  co_await client.stop();
  co_await server.stop();
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
