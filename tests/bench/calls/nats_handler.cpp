// Answers bench_nats_caller over NATS.
#include <cstdlib>
#include <iostream>
#include <string>

#include <load.hpp>
#include <nats_connection.hpp>

namespace {

using namespace mesh::bench;

void echo(natsConnection* connection, natsSubscription* /*subscription*/, natsMsg* message,
          void* /*context*/) {
  const NatsMessage owner(message);
  const auto status =
      natsConnection_Publish(connection, natsMsg_GetReply(message), natsMsg_GetData(message),
                             natsMsg_GetDataLength(message));
  if (status == NATS_OK) return;
  std::cerr << "an answer was not sent: " << natsStatus_GetText(status) << std::endl;
  std::_Exit(1);
}

void run(const std::string& url, const std::string& subject, bool send_at_once) {
  const auto connection = connect_to_nats(url, send_at_once);
  const auto subscription = subscribe(connection.get(), subject, &echo, nullptr);
  print_ready();
  wait_for_end_of_input();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Answers the calls of bench_nats_caller."};
  std::string url;
  std::string subject;
  bool send_at_once = false;
  app.add_option("--nats", url, "URL of the server")->required();
  app.add_option("--subject", subject, "Where to listen")->required();
  app.add_flag("--send-at-once", send_at_once, "Do not gather messages");
  return run_program(app, argc, argv, [&] { run(url, subject, send_at_once); });
}
