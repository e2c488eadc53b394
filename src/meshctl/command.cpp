#include <meshctl/command.hpp>

#include <charconv>
#include <fstream>
#include <iostream>
#include <iterator>
#include <utility>

#include <meshctl/terminal.hpp>

namespace mesh::ctl {

std::string to_text(const Json& json) {
  return printable_json(json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

CLI::App& Program::add(const std::string& name, const std::string& description,
                       const std::string& examples, std::function<ExitStatus()> work) {
  CLI::App* command = app.add_subcommand(name, description);
  command->fallthrough();  // so that options of the connection may stand behind it
  command->footer("Examples:\n" + examples +
                  "\nOptions of the connection (--url, --prefix, --key, --timeout ...) and exit "
                  "statuses: meshctl --help");
  command->callback([this, work = std::move(work)] { run = work; });
  return *command;
}

namespace {

std::string read_all(std::istream& stream) {
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text = read_all(file);
  if (!file.is_open() || file.bad()) {
    throw UsageError("cannot read the file \"" + path + "\"",
                     "@ is followed by the path of a file");
  }
  return text;
}

}  // namespace

std::string read_payload(const std::string& argument) {
  std::string text = argument;
  if (argument == "-") text = read_all(std::cin);
  if (argument.starts_with('@')) text = read_file(argument.substr(1));
  if (!nlohmann::json::accept(text)) {
    throw UsageError("the data is not one JSON value: " + text.substr(0, 200),
                     "a text needs quotes inside of those of the shell: '\"text\"' or "
                     "'{\"name\": 1}'; @file reads a file, - standard input");
  }
  return text;
}

InstanceId parse_id(const std::string& text) {
  InstanceId id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id <= 0) {
    throw UsageError("\"" + text + "\" is no id of a node",
                     "an id is a number from 1, as `meshctl nodes` lists them");
  }
  return id;
}

std::pair<std::string, std::string> parse_pair(const std::string& text, const std::string& option) {
  const auto sign = text.find('=');
  if (sign == std::string::npos || sign == 0) {
    throw UsageError(option + " \"" + text + "\" says no name and value",
                     "write " + option + " name=value");
  }
  return {text.substr(0, sign), text.substr(sign + 1)};
}

}  // namespace mesh::ctl
