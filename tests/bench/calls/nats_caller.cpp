// Calls bench_nats_handler over NATS, with an inbox of its own for the answers, as the client's own
// calls have it, but without a thread for each call in flight.
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <load.hpp>
#include <measurement.hpp>
#include <nats_connection.hpp>
#include <payload.hpp>

namespace {

using namespace mesh::bench;

class Caller {
 public:
  Caller(const std::string& url, const std::string& subject, bool send_at_once)
      : subject_(subject), inbox_(create_inbox()), connection_(connect_to_nats(url, send_at_once)) {
    subscription_ = subscribe(connection_.get(), inbox_, &Caller::receive, this);
  }

  nlohmann::json measure(const Load& load) {
    std::unique_lock lock(mutex_);
    payload_ = make_payload(load.payload);
    begun_.assign(load.in_flight, {});
    sent_ = 0;
    answered_ = 0;
    measurement_.emplace(load);
    for (std::size_t i = 0; i < load.in_flight; ++i) send(Clock::now());
    finished_.wait(lock, [this] { return answered_ == sent_; });
    return measurement_->finish();
  }

 private:
  static std::string create_inbox() {
    natsInbox* inbox = nullptr;
    require_ok(natsInbox_Create(&inbox));
    std::string name(inbox);
    natsInbox_Destroy(inbox);
    return name;
  }

  static void receive(natsConnection* /*connection*/, natsSubscription* /*subscription*/,
                      natsMsg* message, void* context) {
    const NatsMessage owner(message);
    try {
      const auto size = static_cast<std::size_t>(natsMsg_GetDataLength(message));
      static_cast<Caller*>(context)->on_answer({natsMsg_GetData(message), size});
    } catch (const std::exception& error) {  // on a thread of the library
      std::cerr << error.what() << std::endl;
      std::_Exit(1);
    }
  }

  void send(Clock::time_point now) {
    begun_[sent_ % begun_.size()] = now;
    stamp(payload_, sent_++);
    require_ok(natsConnection_PublishRequest(connection_.get(), subject_.c_str(), inbox_.c_str(),
                                             payload_.data(), static_cast<int>(payload_.size())));
  }

  void on_answer(std::string_view answer) {
    const std::lock_guard lock(mutex_);
    const auto now = Clock::now();
    stamp(payload_, answered_);
    require_echo(payload_, answer);  // they come in the order of the calls
    measurement_->add(begun_[answered_++ % begun_.size()], now);
    if (measurement_->is_open(now)) send(now);
    if (answered_ == sent_) finished_.notify_one();
  }

  std::string subject_;
  std::string inbox_;
  std::mutex mutex_;
  std::condition_variable finished_;
  std::optional<Measurement> measurement_;
  std::string payload_;
  std::vector<Clock::time_point> begun_;
  std::uint64_t sent_ = 0;
  std::uint64_t answered_ = 0;
  NatsConnection connection_;
  NatsSubscription subscription_;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Measures calls to bench_nats_handler."};
  std::string url;
  std::string subject;
  bool send_at_once = false;
  app.add_option("--nats", url, "URL of the server")->required();
  app.add_option("--subject", subject, "Where the handler listens")->required();
  app.add_flag("--send-at-once", send_at_once, "Do not gather messages");
  return run_program(app, argc, argv, [&] {
    Caller caller(url, subject, send_at_once);
    serve_loads([&](const Load& load) { return caller.measure(load); });
  });
}
