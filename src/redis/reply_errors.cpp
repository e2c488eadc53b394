#include <redis/reply_errors.hpp>

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include <redis/redirection.hpp>

namespace mesh::redis {

namespace {

bool begins_with_any(const Reply& reply, std::initializer_list<std::string_view> codes) {
  return reply.is_error() && std::ranges::any_of(codes, [&](std::string_view code) {
           return reply.text.starts_with(code);
         });
}

}  // namespace

bool is_passing_refusal(const Reply& reply) {
  return begins_with_any(reply, {"LOADING ", "BUSY ", "MASTERDOWN "});
}

bool is_disk_error(const Reply& reply) { return begins_with_any(reply, {"MISCONF "}); }

bool is_not_permitted(const Reply& reply) { return begins_with_any(reply, {"NOPERM "}); }

bool is_wrong_server(const Reply& reply) {
  if (begins_with_any(reply, {"READONLY ", "LOADING ", "MASTERDOWN ", "UNBLOCKED "})) return true;
  // Redis before 7 quotes what stopped a script.
  return begins_with_any(reply, {"ERR Error running script"}) &&
         reply.text.find(": -READONLY ") != std::string::npos;
}

bool is_worth_retrying(const Reply& reply) {
  return is_passing_refusal(reply) || is_wrong_server(reply) || is_cluster_unrest(reply);
}

}  // namespace mesh::redis
