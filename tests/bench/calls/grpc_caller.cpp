// Calls bench_grpc_handler with one thread and a completion queue.
#include <grpcpp/grpcpp.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <echo.grpc.pb.h>

#include <load.hpp>
#include <measurement.hpp>
#include <payload.hpp>

namespace {

using namespace mesh::bench;
using proto::Text;

class Caller {
 public:
  explicit Caller(const std::string& address)
      : stub_(proto::Echo::NewStub(
            grpc::CreateChannel(address, grpc::InsecureChannelCredentials()))) {}

  nlohmann::json measure(const Load& load) {
    request_.set_text(make_payload(load.payload));
    Measurement measurement(load);
    std::size_t in_flight = 0;
    for (; in_flight < load.in_flight; ++in_flight) send(Clock::now());
    while (in_flight > 0) {
      void* tag = nullptr;
      bool is_ok = false;
      if (!queue_.Next(&tag, &is_ok)) throw std::runtime_error("the queue has ended");
      const std::unique_ptr<Call> call(static_cast<Call*>(tag));
      const auto now = Clock::now();
      check(*call);
      measurement.add(call->begun, now);
      --in_flight;
      if (!measurement.is_open(now)) continue;
      send(now);
      ++in_flight;
    }
    return measurement.finish();
  }

 private:
  struct Call {
    grpc::ClientContext context;
    grpc::Status status;
    Text answer;
    std::unique_ptr<grpc::ClientAsyncResponseReader<Text>> reader;
    Clock::time_point begun;
    std::uint64_t number = 0;
  };

  void send(Clock::time_point now) {
    auto call = std::make_unique<Call>();
    call->begun = now;
    call->number = next_number_++;
    stamp(*request_.mutable_text(), call->number);
    call->reader = stub_->AsyncCall(&call->context, request_, &queue_);
    Call* const tag = call.release();  // the queue has it until it hands it back
    tag->reader->Finish(&tag->answer, &tag->status, tag);
  }

  void check(const Call& call) {
    if (!call.status.ok()) throw std::runtime_error(call.status.error_message());
    stamp(*request_.mutable_text(), call.number);
    require_echo(request_.text(), call.answer.text());
  }

  std::unique_ptr<proto::Echo::Stub> stub_;
  grpc::CompletionQueue queue_;
  Text request_;
  std::uint64_t next_number_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Measures calls to bench_grpc_handler."};
  std::string address;
  app.add_option("--address", address, "Where the handler listens")->required();
  return run_program(app, argc, argv, [&] {
    Caller caller(address);
    serve_loads([&](const Load& load) { return caller.measure(load); });
  });
}
