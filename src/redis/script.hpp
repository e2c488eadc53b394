#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <async/strand.hpp>
#include <redis/client.hpp>
#include <redis/command.hpp>
#include <redis/reply.hpp>

namespace mesh::redis {

/// A Lua script that is loaded once, called by its digest, and sent whole where Redis has forgotten
/// it. Must be used on the client's strand.
class Script {
 public:
  explicit Script(std::string_view source) : source_(source) {}

  /// As `Client::execute()`. Throws as `Client::request()` where the script cannot be loaded.
  /// `keys` and `arguments` are what Lua sees as KEYS and ARGV.
  asio::awaitable<Outcome> execute(Client& client, std::vector<std::string> keys,
                                   std::vector<std::string> arguments, TimePoint deadline,
                                   Priority priority = Priority::control);

  /// The reply. Throws as `Client::request()`.
  asio::awaitable<Reply> run(Client& client, std::vector<std::string> keys,
                             std::vector<std::string> arguments, TimePoint deadline,
                             Priority priority = Priority::control);

 private:
  std::string source_;
  std::string digest_;
};

}  // namespace mesh::redis
