#pragma once

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <meshctl/session.hpp>
#include <redis/client.hpp>

namespace mesh::ctl {

/// The number that a text begins with; 0 if there is none.
double number_in(const std::string& text);

/// A connection for plain commands, wherever the options lead: to a server, by Sentinel, or to the
/// primary of one slot of a cluster. To be used on the session's strand.
class RedisAccess {
 public:
  RedisAccess(const Session& session, const RedisOptions& redis, std::uint16_t slot = 0);
  ~RedisAccess();
  RedisAccess(const RedisAccess&) = delete;
  RedisAccess& operator=(const RedisAccess&) = delete;

  /// Throws `MeshConnectionError`.
  asio::awaitable<void> connect();
  /// The reply, which is no error. Throws `MeshConnectionError` or `MeshRedisError`.
  asio::awaitable<redis::Reply> ask(std::vector<std::string> words);
  const std::shared_ptr<redis::Client>& client() const { return client_; }

 private:
  std::chrono::milliseconds timeout_;
  std::shared_ptr<redis::Client> client_;
};

}  // namespace mesh::ctl
