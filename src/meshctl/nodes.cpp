#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include <meshctl/command.hpp>
#include <meshctl/events.hpp>
#include <meshctl/node_rows.hpp>
#include <meshctl/screen.hpp>

namespace mesh::ctl {

namespace {

using std::chrono::milliseconds;

struct NodesArguments {
  bool with_details = false;
  bool with_rates = false;
  bool as_json = false;
  bool watch = false;
  milliseconds interval{1000};
};

std::string count_text(std::size_t nodes) {
  return std::to_string(nodes) + (nodes == 1 ? " node" : " nodes") + ", without this meshctl";
}

asio::awaitable<void> pause(Session& session, milliseconds duration) {
  asio::steady_timer timer(session.strand, duration);
  co_await timer.async_wait(asio::use_awaitable);
}

asio::awaitable<ExitStatus> show_once(Session& session, const NodesArguments& arguments) {
  NodeLook look(session);
  std::vector<NodeRow> rows = co_await look.rows(arguments.with_rates);
  if (arguments.with_rates) {
    co_await pause(session, arguments.interval);
    rows = co_await look.rows(true);
  }
  if (arguments.as_json) {
    for (const NodeRow& row : rows) print_line(to_text(to_json(row)));
    co_return ExitStatus::ok;
  }
  node_table(rows, arguments.with_rates, arguments.with_details).print();
  print_line(coloured(Colour::dim, count_text(rows.size())));
  co_return ExitStatus::ok;
}

std::vector<std::string> frame_of(const Session& session, const std::vector<NodeRow>& rows,
                                  const NodesArguments& arguments) {
  const std::string title = session.options.redis.prefix + ":" + session.settings.key + "  " +
                            count_text(rows.size()) + "  " +
                            time_text(std::chrono::system_clock::now()) + "  Ctrl-C ends";
  std::vector<std::string> frame =
      node_table(rows, true, arguments.with_details).lines(terminal_width());
  frame.front() = coloured(Colour::bold, frame.front());
  frame.insert(frame.begin(), cut_to(title, terminal_width()));
  return frame;
}

asio::awaitable<ExitStatus> redraw(Session& session, const NodesArguments& arguments) {
  NodeLook look(session);
  Screen screen;
  for (;;) {
    std::string trouble;
    try {
      const std::vector<NodeRow> rows = co_await look.rows(true);
      screen.draw(frame_of(session, rows, arguments));
    } catch (const MeshError& error) {
      trouble = error.what();
    }
    if (!trouble.empty()) screen.draw({cut_to(printable(trouble), terminal_width())});
    co_await pause(session, arguments.interval);
  }
}

asio::awaitable<ExitStatus> watch(Session& session, const NodesArguments& arguments) {
  session.ends_by_interrupt = true;
  if (is_terminal(stdout) && !arguments.as_json) co_return co_await redraw(session, arguments);
  EventFilter filter;
  filter.broadcasts = false;
  co_return co_await print_events(session, filter, arguments.as_json, 0);
}

}  // namespace

void add_nodes(Program& program) {
  const auto arguments = std::make_shared<NodesArguments>();
  CLI::App& command = program.add(
      "nodes", "Lists the live nodes, and how quickly they answer.",
      "  meshctl nodes\n"
      "  meshctl nodes --long           # with the messages that they serve, and labels\n"
      "  meshctl nodes --rates          # with the requests that they get per second\n"
      "  meshctl nodes --json | jq .hostname\n"
      "  meshctl nodes --watch          # redrawn each second; in a pipe a line for each change\n",
      [&settings = program.settings, arguments] {
        return run_in_mesh(settings, [arguments](Session& session) {
          return arguments->watch ? watch(session, *arguments) : show_once(session, *arguments);
        });
      });
  command.add_flag("-l,--long", arguments->with_details, "All message types, and labels");
  command.add_flag("-r,--rates", arguments->with_rates,
                   "Requests per second, counted over --interval");
  command.add_flag("--json", arguments->as_json, "An object for each node, one a line");
  command.add_flag("-w,--watch", arguments->watch, "Until Ctrl-C");
  add_duration(command, "-i,--interval", arguments->interval, "How long to wait between two looks",
               milliseconds(100));
}

}  // namespace mesh::ctl
