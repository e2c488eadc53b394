#include <memory>
#include <string>

#include <meshctl/command.hpp>
#include <meshctl/terminal.hpp>

namespace mesh::ctl {

namespace {

/// Such as "--json -k --key".
std::string option_names(const CLI::App& app) {
  std::string names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names += " --" + name;
    for (const std::string& name : option->get_snames()) names += " -" + name;
  }
  return names;
}

std::string bash_script(const CLI::App& app) {
  std::string commands;      // separated by spaces
  std::string alternatives;  // the same for a pattern
  std::string cases;
  for (const CLI::App* command : app.get_subcommands(nullptr)) {
    const std::string& name = command->get_name();
    if (!commands.empty()) commands += " ";
    commands += name;
    if (!alternatives.empty()) alternatives += "|";
    alternatives += name;
    cases += "    " + name + ") words=\"" + option_names(*command).substr(1) + "\" ;;\n";
  }
  return "_meshctl() {\n"
         "  local word command= words=\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    case \"$word\" in " +
         alternatives +
         ") command=$word; break ;; esac\n"
         "  done\n"
         "  case \"$command\" in\n" +
         cases + "    *) words=\"" + commands +
         "\" ;;\n"
         "  esac\n"
         "  words=\"$words" +
         option_names(app) +
         "\"\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "}\n"
         "complete -o default -F _meshctl meshctl\n";
}

std::string fish_quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

std::string fish_options(const CLI::App& app, const std::string& condition) {
  std::string lines;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_lnames().empty()) continue;
    lines += "complete -c meshctl " + condition;
    for (const std::string& name : option->get_lnames()) lines += " -l " + name;
    for (const std::string& name : option->get_snames()) lines += " -s " + name;
    lines += " -d " + fish_quoted(option->get_description()) + "\n";
  }
  return lines;
}

std::string fish_script(const CLI::App& app) {
  std::string script = fish_options(app, "");
  for (const CLI::App* command : app.get_subcommands(nullptr)) {
    script +=
        "complete -c meshctl -n __fish_use_subcommand -f -a " + command->get_name() + " -d " +
        fish_quoted(command->get_description()) + "\n" +
        fish_options(*command, "-n '__fish_seen_subcommand_from " + command->get_name() + "'");
  }
  return script;
}

ExitStatus print_script(const CLI::App& app, const std::string& shell) {
  if (shell == "fish") {
    print_line(fish_script(app));
  } else if (shell == "zsh") {
    print_line(
        "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n" +
        bash_script(app));
  } else {
    print_line(bash_script(app));
  }
  return ExitStatus::ok;
}

}  // namespace

void add_completion(Program& program) {
  const auto shell = std::make_shared<std::string>();
  CLI::App& command =
      program.add("completion", "Prints a script that completes commands and options.",
                  "  meshctl completion bash > /etc/bash_completion.d/meshctl\n"
                  "  source <(meshctl completion zsh)\n"
                  "  meshctl completion fish > ~/.config/fish/completions/meshctl.fish\n",
                  [&app = program.app, shell] { return print_script(app, *shell); });
  command.add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
}

}  // namespace mesh::ctl
