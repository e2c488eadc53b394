#include <csignal>
#include <cstdio>
#include <exception>

#include <meshctl/command.hpp>
#include <meshctl/terminal.hpp>
#include <meshctl/version.hpp>

namespace mesh::ctl {

namespace {

void add_commands(Program& program) {
  CLI::App& app = program.app;
  app.name("meshctl");
  app.set_version_flag("--version", version_text);
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  add_connection_options(app, program.settings);
  add_nodes(program);
  add_call(program);
  add_ping(program);
  add_stats(program);
  add_leader(program);
  add_listen(program);
  add_broadcast(program);
  add_bench(program);
  add_doctor(program);
  add_completion(program);
  app.footer(std::string("Examples:\n"
                         "  meshctl -p shop -k orders nodes\n"
                         "  meshctl -p shop -k orders call any getStatus '{\"verbose\": true}'\n"
                         "  meshctl --url redis://db:6379 doctor\n\n") +
             exit_status_help);
}

void report(const std::exception_ptr& error) {
  const Failure failure = describe_failure(error);
  std::fflush(stdout);
  std::fprintf(stderr, "meshctl: %s\n", printable_lines(failure.text).c_str());
  if (!failure.advice.empty()) std::fprintf(stderr, "  try: %s\n", failure.advice.c_str());
}

ExitStatus run(int argc, char** argv) {
  Program program;
  add_commands(program);
  try {
    program.app.parse(argc, argv);
  } catch (const CLI::RequiredError& error) {
    const auto words = program.app.remaining();
    if (words.empty() || !program.app.get_subcommands().empty()) {
      return program.app.exit(error) == 0 ? ExitStatus::ok : ExitStatus::other;
    }
    report(std::make_exception_ptr(UsageError("there is no command \"" + words.front() + "\"",
                                              "meshctl --help lists the commands")));
    return ExitStatus::other;
  } catch (const CLI::ParseError& error) {
    return program.app.exit(error) == 0 ? ExitStatus::ok : ExitStatus::other;
  }
  try {
    return program.run();
  } catch (...) {
    report(std::current_exception());
    return describe_failure(std::current_exception()).status;
  }
}

}  // namespace

}  // namespace mesh::ctl

int main(int argc, char** argv) {
  // Who reads the output may end first; then print_line() has the program leave the mesh.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return static_cast<int>(mesh::ctl::run(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "meshctl: %s\n", mesh::ctl::printable_lines(error.what()).c_str());
    return static_cast<int>(mesh::ctl::ExitStatus::other);
  }
}
