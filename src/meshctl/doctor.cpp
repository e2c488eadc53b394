#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <meshctl/command.hpp>
#include <meshctl/examination.hpp>
#include <meshctl/terminal.hpp>

namespace mesh::ctl {

namespace {

void print_text(const Finding& finding) {
  constexpr std::array words{"ok  ", "warn", "bad "};
  constexpr std::array colours{Colour::green, Colour::yellow, Colour::red};
  const auto level = static_cast<std::size_t>(finding.level);
  print_line(coloured(colours.at(level), words.at(level)) + "  " + finding.subject + ": " +
             printable(finding.text));
  if (!finding.advice.empty()) print_line("      try: " + finding.advice);
}

void print_json(const Finding& finding) {
  constexpr std::array words{"ok", "warn", "bad"};
  Json json;
  json["level"] = words.at(static_cast<std::size_t>(finding.level));
  json["subject"] = finding.subject;
  json["text"] = finding.text;
  if (!finding.advice.empty()) json["advice"] = finding.advice;
  print_line(to_text(json));
}

asio::awaitable<ExitStatus> examine_and_print(Session& session, bool as_json) {
  ExitStatus status = ExitStatus::ok;
  const auto report = [&](const Finding& finding) {
    as_json ? print_json(finding) : print_text(finding);
    if (finding.level == Finding::Level::bad) status = ExitStatus::redis;
  };
  co_await examine(session, report);
  co_return status;
}

}  // namespace

void add_doctor(Program& program) {
  const auto as_json = std::make_shared<bool>(false);
  CLI::App& command =
      program.add("doctor",
                  "Looks whether Redis can carry a mesh, and which meshes there are. Status 7: "
                  "something is bad.",
                  "  meshctl doctor\n"
                  "  meshctl --url redis://db:6379 doctor\n"
                  "  meshctl -p shop doctor               # only meshes with this prefix\n",
                  [&settings = program.settings, as_json] {
                    MeshOptions options;
                    options.redis = redis_options(settings);
                    return run_beside_mesh(settings, options, [as_json](Session& session) {
                      return examine_and_print(session, *as_json);
                    });
                  });
  command.add_flag("--json", *as_json, "An object for each line");
}

}  // namespace mesh::ctl
