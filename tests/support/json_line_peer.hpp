#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <nlohmann/json.hpp>

#include <support/child_process.hpp>

namespace mesh::test {

namespace asio = boost::asio;

/// The peer answered with an error, or ended.
class PeerError : public std::runtime_error {
 public:
  PeerError(std::string name, const std::string& message)
      : std::runtime_error(message), name_(std::move(name)) {}

  /// The class of the error, such as "MeshHandlerError".
  const std::string& name() const noexcept { return name_; }

 private:
  std::string name_;
};

/// A process that answers one JSON line on standard output for each on standard input, in any
/// order; "seq" tells which belongs to which. To be used from one strand.
class JsonLinePeer {
 public:
  JsonLinePeer(asio::any_io_executor executor, std::vector<std::string> command,
               std::map<std::string, std::string> environment = {});
  /// Kills the process.
  ~JsonLinePeer();
  JsonLinePeer(const JsonLinePeer&) = delete;
  JsonLinePeer& operator=(const JsonLinePeer&) = delete;

  /// Sends the request with a "seq" and waits for its answer, which it returns if "ok" is true.
  /// Throws `PeerError` otherwise, at the deadline, and if the process ends.
  asio::awaitable<nlohmann::json> call(
      nlohmann::json request, std::chrono::milliseconds timeout = std::chrono::seconds(30));

  /// Closes its standard input and waits for its end.
  asio::awaitable<ExitStatus> close();

  ChildProcess& process() { return process_; }

 private:
  struct State;
  static asio::awaitable<void> read_answers(std::shared_ptr<State> state);
  static asio::awaitable<void> write_requests(std::shared_ptr<State> state);

  ChildProcess process_;
  std::shared_ptr<State> state_;
};

}  // namespace mesh::test
