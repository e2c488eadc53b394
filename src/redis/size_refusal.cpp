#include <redis/size_refusal.hpp>

#include <redis/redirection.hpp>

namespace mesh::redis {

bool is_size_refusal(const Reply& reply) {
  return reply.is_error() && reply.text.starts_with("ERR Protocol error: invalid bulk length");
}

std::string describe_refusal(const Reply& reply) {
  if (is_from_cluster(reply)) {
    return reply.text + " (the server is one of a Redis Cluster: see RedisOptions::cluster)";
  }
  if (!is_size_refusal(reply)) return reply.text;
  return reply.text + " (the message has more bytes than proto-max-bulk-len of Redis)";
}

std::string describe_too_large(std::size_t size) {
  return "a message of " + std::to_string(size) +
         " bytes, which may be more than Redis takes (its client-query-buffer-limit, "
         "proto-max-bulk-len and maxmemory-clients)";
}

}  // namespace mesh::redis
