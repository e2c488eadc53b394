#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/steady_timer.hpp>

#include <meshctl/command.hpp>
#include <meshctl/concurrently.hpp>
#include <meshctl/figures.hpp>
#include <meshctl/session.hpp>
#include <meshctl/target.hpp>
#include <meshctl/terminal.hpp>
#include <util/cancellation.hpp>

namespace mesh::ctl {

namespace {

using std::chrono::milliseconds;

struct BenchArguments {
  std::string target{};
  std::string type{};
  std::string data = "null";
  std::vector<std::string> labels{};
  std::size_t concurrency = 16;
  milliseconds duration{5000};
  bool as_json = false;
};

/// What came of the calls so far.
struct Results {
  TimePoint begin = Clock::now();
  TimePoint end{};
  LatencyHistogram latency{};  // of those that succeeded
  std::map<std::string, std::uint64_t> errors{};
  std::exception_ptr first_error{};
  std::uint64_t in_vain = 0;

  double seconds() const { return std::chrono::duration<double>(end - begin).count(); }
  double rate() const { return static_cast<double>(latency.count()) / std::max(seconds(), 1e-9); }
};

void note_error(Results& results, const std::exception_ptr& error) {
  if (!results.first_error) results.first_error = error;
  ++results.errors[std::string(describe_failure(error).kind)];
  ++results.in_vain;
}

asio::awaitable<void> call_again_and_again(Session& session, const Call& call, TimePoint until,
                                           Results& results) {
  while (Clock::now() < until) {
    const auto begin_of_call = Clock::now();
    try {
      co_await begin(session, call);
      results.latency.record(Clock::now() - begin_of_call);
    } catch (const MeshError&) {
      note_error(results, std::current_exception());
    }
  }
}

asio::awaitable<void> show_progress(const Session& session, TimePoint until,
                                    const Results& results) {
  asio::steady_timer timer(session.strand);
  while (Clock::now() < until) {
    const double seconds = std::chrono::duration<double>(Clock::now() - results.begin).count();
    std::fprintf(stderr, "\r%.0f s: %llu calls, %llu errors \x1b[K", seconds,
                 static_cast<unsigned long long>(results.latency.count()),
                 static_cast<unsigned long long>(results.in_vain));
    std::fflush(stderr);
    timer.expires_at(std::min(until, Clock::now() + milliseconds(500)));
    co_await timer.async_wait(asio::use_awaitable);
  }
}

std::string decimal(double value) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), value < 100 ? "%.1f" : "%.0f", value);
  return text.data();
}

void print_text(const Results& results, const BenchArguments& arguments) {
  const LatencyHistogram& latency = results.latency;
  print_line(decimal(results.rate()) + " calls/s: " + std::to_string(latency.count()) + " in " +
             decimal(results.seconds()) + " s, " + std::to_string(arguments.concurrency) +
             " at a time");
  if (latency.count() > 0) {
    print_line("latency: p50 " + duration_text(latency.quantile(0.5)) + ", p90 " +
               duration_text(latency.quantile(0.9)) + ", p99 " +
               duration_text(latency.quantile(0.99)) + ", p99.9 " +
               duration_text(latency.quantile(0.999)) + ", max " + duration_text(latency.max()));
  }
  for (const auto& [kind, count] : results.errors) {
    print_line(coloured(Colour::red, "errors: ") + std::to_string(count) + " " + kind);
  }
  if (results.first_error) {
    print_line("the first: " + printable(describe_failure(results.first_error).text));
  }
}

void print_json(const Results& results, const BenchArguments& arguments) {
  Json json;
  json["callsPerSecond"] = results.rate();
  json["seconds"] = results.seconds();
  json["concurrency"] = arguments.concurrency;
  json["succeeded"] = results.latency.count();
  json["failed"] = results.in_vain;
  json["errors"] = results.errors;
  json["latency"] = to_json(results.latency);
  print_line(to_text(json));
}

asio::awaitable<ExitStatus> bench(Session& session, const Call& call,
                                  const BenchArguments& arguments) {
  // One call before, so that what only the first one waits for does not count, and to see whether
  // it works at all.
  co_await begin(session, call);
  Results results;
  const TimePoint until = results.begin + arguments.duration;
  const bool has_progress = is_terminal(stderr);
  auto work = [&](std::size_t i) {
    return i == arguments.concurrency ? show_progress(session, until, results)
                                      : call_again_and_again(session, call, until, results);
  };
  const std::size_t workers = arguments.concurrency + (has_progress ? 1 : 0);
  std::exception_ptr ended_early;
  try {
    co_await concurrently(workers, workers, work);
  } catch (...) {
    ended_early = std::current_exception();
  }
  results.end = Clock::now();
  if (has_progress) std::fputs("\r\x1b[K", stderr);
  // After Ctrl-C what there is so far.
  if (ended_early && !is_cancellation(ended_early)) std::rethrow_exception(ended_early);
  arguments.as_json ? print_json(results, arguments) : print_text(results, arguments);
  if (results.first_error) co_return describe_failure(results.first_error).status;
  co_return ended_early ? ExitStatus::interrupted : ExitStatus::ok;
}

ExitStatus run_bench(const Settings& settings, const BenchArguments& arguments) {
  Call call;
  call.target = parse_target(arguments.target);
  if (call.target.kind == Target::Kind::all) {
    throw UsageError("a benchmark calls one node at a time", "give an id, any or key:NAME");
  }
  call.type = arguments.type;
  call.data = read_payload(arguments.data);
  call.nodes = parse_labels(arguments.labels);
  return run_in_mesh(
      settings, [call, arguments](Session& session) { return bench(session, call, arguments); });
}

}  // namespace

void add_bench(Program& program) {
  const auto arguments = std::make_shared<BenchArguments>();
  CLI::App& command = program.add(
      "bench", "Calls a handler for some seconds, and tells how many calls it answers how quickly.",
      "  meshctl bench any getStatus --concurrency 64 --duration 10s\n"
      "  meshctl bench 7 '$mesh.ping'       # the mesh without a handler\n"
      "The handler really runs: do not take one that does harm.\n",
      [&settings = program.settings, arguments] { return run_bench(settings, *arguments); });
  command.add_option("TARGET", arguments->target, "The id of a node, any, or key:NAME")->required();
  command.add_option("TYPE", arguments->type, "Name of the message")->required();
  command.add_option("JSON", arguments->data, "The data, @file, or - for standard input")
      ->capture_default_str();
  command.add_option("--label", arguments->labels, "name=value: only nodes with this label")
      ->allow_extra_args(false);
  command.add_option("-c,--concurrency", arguments->concurrency, "How many calls wait at a time")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  add_duration(command, "-d,--duration", arguments->duration, "How long to go on",
               milliseconds(100));
  command.add_flag("--json", arguments->as_json, "One object");
}

}  // namespace mesh::ctl
