#include <memory>
#include <string>

#include <meshctl/command.hpp>
#include <meshctl/session.hpp>

namespace mesh::ctl {

namespace {

struct BroadcastArguments {
  std::string type{};
  std::string data = "null";
};

asio::awaitable<ExitStatus> send(Session& session, std::string type, std::string data) {
  const BroadcastOptions options{.skip_self = true};
  co_await session.node->broadcast_raw(type, data, options);
  co_return ExitStatus::ok;
}

ExitStatus run_broadcast(const Settings& settings, const BroadcastArguments& arguments) {
  const std::string data = read_payload(arguments.data);
  return run_in_mesh(settings, [type = arguments.type, data](Session& session) {
    return send(session, type, data);
  });
}

}  // namespace

void add_broadcast(Program& program) {
  const auto arguments = std::make_shared<BroadcastArguments>();
  CLI::App& command = program.add(
      "broadcast", "Sends a broadcast to all nodes. It prints nothing: nobody answers.",
      "  meshctl broadcast configUpdated '{\"level\": 3}'\n"
      "  meshctl broadcast reload\n"
      "  meshctl broadcast configUpdated @config.json\n",
      [&settings = program.settings, arguments] { return run_broadcast(settings, *arguments); });
  command.add_option("TYPE", arguments->type, "Name of the broadcast")->required();
  command.add_option("JSON", arguments->data, "The data, @file, or - for standard input")
      ->capture_default_str();
}

}  // namespace mesh::ctl
