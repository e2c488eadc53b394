// Answers bench_grpc_caller with one thread and a completion queue.
#include <grpcpp/grpcpp.h>

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>

#include <echo.grpc.pb.h>

#include <load.hpp>

namespace {

using namespace mesh::bench;
using proto::Text;

class Server {
 public:
  Server() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&service_);
    queue_ = builder.AddCompletionQueue();
    server_ = builder.BuildAndStart();
    if (!server_ || port_ == 0) throw std::runtime_error("cannot listen");
  }

  int port() const { return port_; }

  void run() {
    constexpr std::size_t waiting_calls = 64;
    for (std::size_t i = 0; i < waiting_calls; ++i) expect_call();
    void* tag = nullptr;
    bool is_ok = false;
    while (queue_->Next(&tag, &is_ok)) proceed(std::unique_ptr<Call>(static_cast<Call*>(tag)));
  }

 private:
  struct Call {
    grpc::ServerContext context;
    Text request;
    grpc::ServerAsyncResponseWriter<Text> writer{&context};
    bool is_answered = false;
  };

  void expect_call() {
    auto call = std::make_unique<Call>();
    Call* const tag = call.release();  // the queue has it until it hands it back
    service_.RequestCall(&tag->context, &tag->request, &tag->writer, queue_.get(), queue_.get(),
                         tag);
  }

  void proceed(std::unique_ptr<Call> call) {
    if (call->is_answered) return;
    expect_call();
    call->is_answered = true;
    Call* const tag = call.release();
    tag->writer.Finish(tag->request, grpc::Status::OK, tag);
  }

  proto::Echo::AsyncService service_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Answers the calls of bench_grpc_caller."};
  return run_program(app, argc, argv, [] {
    Server server;
    nlohmann::json details;
    details["port"] = server.port();
    print_ready(details);
    server.run();
  });
}
