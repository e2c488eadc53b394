#include <memory>

#include <meshctl/command.hpp>
#include <meshctl/events.hpp>

namespace mesh::ctl {

namespace {

struct ListenArguments {
  EventFilter without{false, false};
  bool as_json = false;
  std::size_t count = 0;
};

asio::awaitable<ExitStatus> listen(Session& session, const ListenArguments& arguments) {
  session.ends_by_interrupt = true;
  const EventFilter filter{!arguments.without.nodes, !arguments.without.broadcasts};
  return print_events(session, filter, arguments.as_json, arguments.count);
}

}  // namespace

void add_listen(Program& program) {
  const auto arguments = std::make_shared<ListenArguments>();
  CLI::App& command = program.add(
      "listen", "Prints who joins and leaves, and broadcasts, until Ctrl-C.",
      "  meshctl listen\n"
      "  meshctl listen --no-nodes --json     # broadcasts only, an object a line\n"
      "  meshctl listen --no-nodes --count 1  # waits for one broadcast\n",
      [&settings = program.settings, arguments] {
        return run_in_mesh(settings,
                           [arguments](Session& session) { return listen(session, *arguments); });
      });
  command.add_flag("--no-nodes", arguments->without.nodes, "Do not tell of nodes");
  command.add_flag("--no-broadcasts", arguments->without.broadcasts, "Do not tell of broadcasts");
  command.add_flag("--json", arguments->as_json, "An object for each event, one a line");
  command.add_option("-c,--count", arguments->count, "End after so many events; 0: never")
      ->capture_default_str();
}

}  // namespace mesh::ctl
