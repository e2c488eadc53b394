#include <memory>
#include <utility>
#include <vector>

#include <meshctl/command.hpp>
#include <meshctl/concurrently.hpp>
#include <meshctl/figures.hpp>
#include <meshctl/inspect.hpp>
#include <meshctl/terminal.hpp>

namespace mesh::ctl {

namespace {

struct StatsArguments {
  std::vector<std::string> ids{};
  bool as_json = false;
};

/// What one node has answered.
struct Answer {
  InstanceId id = 0;
  std::optional<Figures> figures{};
  std::exception_ptr error{};
};

asio::awaitable<void> ask(Session& session, Answer& answer) {
  try {
    answer.figures = co_await ask_figures(session, answer.id, session.settings.timeout);
  } catch (const MeshError&) {
    answer.error = std::current_exception();
  }
}

std::string why_missing(const Answer& answer) {
  if (!answer.error) return "tells none: it is in TypeScript, or of an earlier version";
  return describe_failure(answer.error).text;
}

void add_latency(std::vector<std::string>& row, const LatencyHistogram& latency) {
  for (const double share : {0.5, 0.9, 0.99, 1.0}) {
    row.push_back(latency.count() == 0 ? "-" : duration_text(latency.quantile(share)));
  }
}

/// `counts` are pairs of a heading and the name of a figure.
void print_types(const std::string& title, const std::map<std::string, TypeFigures>& types,
                 const std::vector<std::pair<std::string, std::string>>& counts) {
  if (types.empty()) return;
  std::vector<Table::Column> columns{{title}};
  for (const auto& count : counts) columns.push_back({count.first, Table::Align::right});
  for (const char* heading : {"P50", "P90", "P99", "MAX"}) {
    columns.push_back({heading, Table::Align::right});
  }
  Table table(std::move(columns));
  for (const auto& [type, figures] : types) {
    std::vector<std::string> row{type};
    for (const auto& count : counts) row.push_back(std::to_string(figures.count(count.second)));
    add_latency(row, figures.latency);
    table.add(std::move(row));
  }
  print_line("");
  table.print();
}

void print_totals(const Figures& sum, const std::vector<Answer>& answers) {
  const auto count = [&sum](const char* name) { return std::to_string(sum.count(name)); };
  std::size_t told = 0;
  for (const Answer& answer : answers) told += answer.figures ? 1 : 0;
  print_line("figures of " + std::to_string(told) + " of " + std::to_string(answers.size()) +
             " nodes, since each was started");
  for (const Answer& answer : answers) {
    if (answer.figures) continue;
    print_line(coloured(Colour::yellow, "node " + std::to_string(answer.id) + ": " +
                                            printable(why_missing(answer))));
  }
  print_line("");
  print_line("calls:      " + count("callsSent") + " sent, " + count("callsSucceeded") +
             " succeeded, " + count("callsFailed") + " failed, " + count("callsPending") +
             " pending, " + count("callsResent") + " sent again");
  print_line("requests:   " + count("requestsReceived") + " received, " + count("requestsRefused") +
             " refused, " + count("handlersRunning") + " running, " + count("requestsQueued") +
             " queued");
  print_line("broadcasts: " + count("broadcastsSent") + " sent, " + count("broadcastsReceived") +
             " received");
  print_line("messages:   " + count("messagesDropped") + " dropped, " + count("messagesLate") +
             " late, " + count("answersLost") + " answers lost, " + count("bytesQueued") +
             " bytes queued, " + count("reconnects") + " reconnects");
}

void print_json(const Figures& sum, const std::vector<Answer>& answers) {
  Json json;
  json["nodes"] = Json::array();
  json["missing"] = Json::object();
  for (const Answer& answer : answers) {
    if (answer.figures) json["nodes"].push_back(answer.id);
    if (!answer.figures) json["missing"][std::to_string(answer.id)] = why_missing(answer);
  }
  json["total"] = to_json(sum);
  print_line(to_text(json));
}

asio::awaitable<ExitStatus> run_stats(Session& session, const StatsArguments& arguments) {
  const std::vector<InstanceId> ids = co_await chosen_nodes(session, arguments.ids);
  if (ids.empty()) {
    throw UsageError("there is no other node in this mesh", "`meshctl doctor` lists the meshes");
  }
  std::vector<Answer> answers(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) answers[i].id = ids[i];
  auto ask_one = [&](std::size_t i) { return ask(session, answers[i]); };
  co_await concurrently(answers.size(), asked_at_once, ask_one);
  Figures sum;
  ExitStatus status = ExitStatus::ok;
  for (const Answer& answer : answers) {
    if (answer.figures) sum.add(*answer.figures);
    if (answer.error && status == ExitStatus::ok) status = describe_failure(answer.error).status;
  }
  if (arguments.as_json) {
    print_json(sum, answers);
    co_return status;
  }
  print_totals(sum, answers);
  print_types("HANDLER", sum.handlers,
              {{"OK", "succeeded"},
               {"FAILED", "failed"},
               {"REFUSED", "refused"},
               {"CANCELLED", "cancelled"}});
  print_types("CALL", sum.calls,
              {{"OK", "succeeded"},
               {"FAILED", "handlerFailed"},
               {"TIMEOUT", "timedOut"},
               {"NOBODY", "unreachable"},
               {"REFUSED", "refused"},
               {"OTHER", "otherErrors"},
               {"CANCELLED", "cancelled"}});
  co_return status;
}

}  // namespace

void add_stats(Program& program) {
  const auto arguments = std::make_shared<StatsArguments>();
  CLI::App& command = program.add(
      "stats", "Sums up the figures of nodes: calls, handlers and latencies by message type.",
      "  meshctl stats          # of all nodes\n"
      "  meshctl stats 3        # of one\n"
      "  meshctl stats --json | jq .total.handlers\n",
      [&settings = program.settings, arguments] {
        return run_in_mesh(
            settings, [arguments](Session& session) { return run_stats(session, *arguments); });
      });
  command.add_option("ID", arguments->ids, "Nodes, by their ids; all if there are none");
  command.add_flag("--json", arguments->as_json, "One object");
}

}  // namespace mesh::ctl
