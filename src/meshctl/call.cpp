#include <memory>
#include <set>
#include <utility>
#include <vector>

#include <meshctl/command.hpp>
#include <meshctl/session.hpp>
#include <meshctl/target.hpp>
#include <meshctl/terminal.hpp>

namespace mesh::ctl {

namespace {

struct CallArguments {
  std::string target{};
  std::string type{};
  std::string data = "null";
  std::vector<std::string> headers{};
  std::vector<std::string> labels{};
  std::chrono::milliseconds deadline{0};
};

asio::awaitable<ExitStatus> call_one(Session& session, const Call& call) {
  const std::string reply = co_await begin(session, call);
  print_line(printable_json(reply));
  co_return ExitStatus::ok;
}

asio::awaitable<ExitStatus> call_all(Session& session, const Call& call) {
  const AllOptions options{.timeout = session.settings.timeout,
                           .deadline = call.deadline,
                           .headers = &call.headers,
                           .nodes = call.nodes,
                           .skip_self = true};
  const auto results = co_await session.node->invoke_all_raw(call.type, call.data, options);
  if (results.empty()) throw MeshNoNodeError(call.type, 1);
  ExitStatus status = ExitStatus::ok;
  for (const auto& result : results) {
    const std::string node = R"({"node":)" + std::to_string(result.node);
    if (result.error) {
      print_line(node + R"(,"error":)" + failure_json(result.error) + "}");
      if (status == ExitStatus::ok) status = describe_failure(result.error).status;
    } else {
      print_line(node + R"(,"reply":)" + printable_json(result.value.value_or("null")) + "}");
    }
  }
  co_return status;
}

ExitStatus run_call(const Settings& settings, const CallArguments& arguments) {
  Call call;
  call.target = parse_target(arguments.target);
  call.type = arguments.type;
  call.data = read_payload(arguments.data);
  call.deadline = arguments.deadline;
  call.nodes = parse_labels(arguments.labels);
  if (!arguments.labels.empty() && call.target.kind == Target::Kind::node) {
    throw UsageError("--label chooses among nodes, but the target is one node",
                     "call any or all with --label");
  }
  for (const std::string& header : arguments.headers) {
    call.headers.insert(parse_pair(header, "--header"));
  }
  return run_in_mesh(settings, [call](Session& session) {
    return call.target.kind == Target::Kind::all ? call_all(session, call)
                                                 : call_one(session, call);
  });
}

}  // namespace

void add_call(Program& program) {
  const auto arguments = std::make_shared<CallArguments>();
  CLI::App& command = program.add(
      "call", "Calls a handler and prints the reply as JSON.",
      "  meshctl call 7 getStatus '{\"verbose\": true}'   # the node with this id\n"
      "  meshctl call any getStatus --label zone=a      # one of those that serve it\n"
      "  meshctl call key:user-42 getCart               # always the same one for this key\n"
      "  meshctl call all getStatus                     # all, a line for each node\n"
      "  meshctl call 7 store @order.json --header tenant=blue\n"
      "  produce | meshctl call any store -\n",
      [&settings = program.settings, arguments] { return run_call(settings, *arguments); });
  command.add_option("TARGET", arguments->target, "The id of a node, any, all, or key:NAME")
      ->required();
  command.add_option("TYPE", arguments->type, "Name of the message")->required();
  command.add_option("JSON", arguments->data, "The data, @file, or - for standard input")
      ->capture_default_str();
  command.add_option("--header", arguments->headers, "name=value, beside the data; several times")
      ->allow_extra_args(false);
  command
      .add_option("--label", arguments->labels,
                  "name=value: only nodes with this label; up to 4 times")
      ->allow_extra_args(false);
  add_duration(command, "--deadline", arguments->deadline,
               "How long the call takes at most, whatever its handler says; 0: no bound",
               std::chrono::milliseconds(0));
}

}  // namespace mesh::ctl
