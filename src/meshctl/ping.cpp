#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include <meshctl/command.hpp>
#include <meshctl/concurrently.hpp>
#include <meshctl/inspect.hpp>
#include <meshctl/terminal.hpp>
#include <util/cancellation.hpp>

namespace mesh::ctl {

namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

struct PingArguments {
  std::vector<std::string> ids{};
  unsigned count = 10;
  milliseconds interval{100};
  bool as_json = false;
};

/// The pings of one node.
struct Pings {
  InstanceId id = 0;
  unsigned sent = 0;
  std::vector<nanoseconds> took{};  // in ascending order in the end
  bool is_foreign = false;
  std::exception_ptr error{};  // the last one

  nanoseconds quantile(double share) const {
    if (took.empty()) return nanoseconds::zero();
    const double rank = std::ceil(share * static_cast<double>(took.size()));
    return took[std::max<std::size_t>(static_cast<std::size_t>(rank), 1) - 1];
  }
};

asio::awaitable<void> ping_often(Session& session, const PingArguments& arguments, Pings& pings) {
  asio::steady_timer timer(session.strand);
  while (pings.sent < arguments.count) {
    if (pings.sent > 0) {
      timer.expires_after(arguments.interval);
      co_await timer.async_wait(asio::use_awaitable);
    }
    ++pings.sent;
    const Ping one = co_await ping(session, pings.id, session.settings.timeout);
    if (one.took) pings.took.push_back(*one.took);
    if (one.error) pings.error = one.error;
    pings.is_foreign |= one.is_foreign;
  }
}

std::string note_of(const Pings& pings) {
  if (pings.error) return std::string(describe_failure(pings.error).kind);
  return pings.is_foreign ? "answers \"no handler\": TypeScript, or an earlier version" : "";
}

void print_table(const std::vector<Pings>& all) {
  using enum Table::Align;
  Table table({{"NODE", right},
               {"ANSWERS", right},
               {"MIN", right},
               {"P50", right},
               {"P90", right},
               {"P99", right},
               {"MAX", right},
               {"NOTE", left}});
  for (const Pings& pings : all) {
    std::vector<std::string> row{std::to_string(pings.id), std::to_string(pings.took.size()) + "/" +
                                                               std::to_string(pings.sent)};
    for (const double share : {0.0, 0.5, 0.9, 0.99, 1.0}) {
      row.push_back(pings.took.empty() ? "-" : duration_text(pings.quantile(share)));
    }
    row.push_back(note_of(pings));
    table.add(std::move(row));
  }
  table.print();
}

void print_json(const Pings& pings) {
  const auto microseconds = [&](double share) {
    return std::chrono::duration<double, std::micro>(pings.quantile(share)).count();
  };
  Json json;
  json["node"] = pings.id;
  json["sent"] = pings.sent;
  json["answered"] = pings.took.size();
  json["knowsPing"] = !pings.took.empty() && !pings.is_foreign;
  if (!pings.took.empty()) {
    json["minUs"] = microseconds(0);
    json["p50Us"] = microseconds(0.5);
    json["p90Us"] = microseconds(0.9);
    json["p99Us"] = microseconds(0.99);
    json["maxUs"] = microseconds(1);
  }
  if (pings.error) json["error"] = Json::parse(failure_json(pings.error));
  print_line(to_text(json));
}

asio::awaitable<ExitStatus> run_ping(Session& session, const PingArguments& arguments) {
  const std::vector<InstanceId> ids = co_await chosen_nodes(session, arguments.ids);
  std::vector<Pings> all(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) all[i].id = ids[i];
  auto ping_one = [&](std::size_t i) { return ping_often(session, arguments, all[i]); };
  std::exception_ptr interrupted;
  try {
    co_await concurrently(all.size(), asked_at_once, ping_one);
  } catch (...) {
    interrupted = std::current_exception();
  }
  // After Ctrl-C what there is so far.
  if (interrupted && !is_cancellation(interrupted)) std::rethrow_exception(interrupted);
  ExitStatus status = interrupted ? ExitStatus::interrupted : ExitStatus::ok;
  for (Pings& pings : all) {
    std::ranges::sort(pings.took);
    if (pings.error && status == ExitStatus::ok) status = describe_failure(pings.error).status;
    if (arguments.as_json) print_json(pings);
  }
  if (all.empty())
    throw UsageError("there is no other node in this mesh", "`meshctl doctor` lists the meshes");
  if (!arguments.as_json) print_table(all);
  co_return status;
}

}  // namespace

void add_ping(Program& program) {
  const auto arguments = std::make_shared<PingArguments>();
  CLI::App& command = program.add(
      "ping", "Measures how long nodes take to answer, and whether they do.",
      "  meshctl ping                 # all nodes\n"
      "  meshctl ping 3 7 --count 100 --interval 10ms\n",
      [&settings = program.settings, arguments] {
        return run_in_mesh(settings,
                           [arguments](Session& session) { return run_ping(session, *arguments); });
      });
  command.add_option("ID", arguments->ids, "Nodes, by their ids; all if there are none");
  command.add_option("-c,--count", arguments->count, "How often each is asked")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  add_duration(command, "-i,--interval", arguments->interval, "How long to wait in between",
               milliseconds(0));
  command.add_flag("--json", arguments->as_json, "An object for each node, one a line");
}

}  // namespace mesh::ctl
