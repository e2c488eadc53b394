#include <load.hpp>

#include <exception>
#include <iostream>
#include <utility>

namespace mesh::bench {

Load parse_load(const std::string& line) {
  const auto message = nlohmann::json::parse(line);
  Load load;
  load.in_flight = message.at("in_flight").get<std::size_t>();
  load.payload = message.at("payload").get<std::size_t>();
  load.duration = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double>(message.at("seconds").get<double>()));
  return load;
}

void print_line(const nlohmann::json& message) { std::cout << message.dump() << std::endl; }

void print_ready(nlohmann::json details) {
  details["ready"] = true;
  print_line(details);
}

void serve_loads(const std::function<nlohmann::json(const Load&)>& measure) {
  print_ready();
  std::string line;
  while (std::getline(std::cin, line)) print_line(measure(parse_load(line)));
}

void wait_for_end_of_input() {
  std::string ignored;
  while (std::getline(std::cin, ignored)) {
  }
}

int run_program(CLI::App& arguments, int argc, char** argv, const std::function<void()>& program) {
  try {
    arguments.parse(argc, argv);
    program();
    return 0;
  } catch (const CLI::ParseError& error) {
    return arguments.exit(error);
  } catch (const std::exception& error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 1;
  }
}

}  // namespace mesh::bench
