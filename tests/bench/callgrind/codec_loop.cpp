// Encodes or decodes one message again and again, for callgrind: see run.sh.

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <variant>

#include <CLI/CLI.hpp>
#include <mesh/options.hpp>

#include <wire/decode.hpp>
#include <wire/encode.hpp>

namespace wire = mesh::wire;

namespace {

using namespace std::chrono_literals;

/// One operation; it returns something that depends on its result.
using Operation = std::function<std::size_t()>;

std::map<std::string, Operation> operations() {
  const std::string id = "01234567-89ab-4cde-8f01-23456789abcd";
  const std::string text(64, 'x');
  const std::string data = '"' + text + '"';
  const auto encode_request = [=] { return wire::encode_request({id, 12345, "echo", data, 10s}); };
  const auto encode_response = [=] { return wire::encode_response(id, data); };
  const auto encode_error = [=] { return wire::encode_error(id, text); };
  const auto encode_heartbeat = [=] { return wire::encode_heartbeat(id); };
  const auto encode_broadcast = [=] { return wire::encode_broadcast(12345, "echo", data); };
  const auto encoding = [](auto encode) -> Operation {
    return [encode] { return encode().size(); };
  };
  const auto decoding = [limits = mesh::MeshLimits{}](const std::string& message) -> Operation {
    return [limits, message, last = wire::LastRequest{}]() mutable {
      return wire::decode_node_message(message, limits, last).index();
    };
  };
  return {
      {"encode_request", encoding(encode_request)},
      {"encode_response", encoding(encode_response)},
      {"encode_error", encoding(encode_error)},
      {"encode_heartbeat", encoding(encode_heartbeat)},
      {"encode_broadcast", encoding(encode_broadcast)},
      {"decode_request", decoding(encode_request())},
      {"decode_response", decoding(encode_response())},
      {"decode_error", decoding(encode_error())},
      {"decode_heartbeat", decoding(encode_heartbeat())},
      {"decode_broadcast",
       [message = encode_broadcast(), limits = mesh::MeshLimits{}] {
         return wire::decode_broadcast(message, limits).index();
       }},
  };
}

}  // namespace

int main(int argc, char** argv) try {
  const auto known = operations();
  std::string name;
  std::size_t count = 1000;
  CLI::App app{"Runs one operation of the codec with a payload of 64 bytes."};
  app.add_option("OPERATION", name, "Which one")->required()->check(CLI::IsMember(known));
  app.add_option("COUNT", count, "How often")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  const Operation& operation = known.at(name);
  std::size_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += operation();
  std::cout << sum << '\n';  // so that nothing is optimized away
  return 0;
} catch (const std::exception& error) {
  std::cerr << "mesh_callgrind_codec: " << error.what() << '\n';
  return 1;
}
