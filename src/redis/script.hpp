#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <async/strand.hpp>
#include <redis/client.hpp>
#include <redis/reply.hpp>

namespace mesh::redis {

/// A Lua script that is loaded once, called by its digest, and sent whole where Redis has forgotten
/// it. Must be used on the client's strand.
class Script {
 public:
  explicit Script(std::string_view source) : source_(source) {}

  /// Throws as `Client::request()`. `keys` and `arguments` are what Lua sees as KEYS and ARGV.
  asio::awaitable<Reply> run(Client& client, std::vector<std::string> keys,
                             std::vector<std::string> arguments, TimePoint deadline,
                             Priority priority = Priority::control);

 private:
  std::string source_;
  std::string digest_;
};

}  // namespace mesh::redis
