#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <mesh/headers.hpp>
#include <mesh/route.hpp>

#include <meshctl/session.hpp>

namespace mesh::ctl {

/// Who is to be called.
struct Target {
  enum class Kind { node, any, all, key };

  Kind kind = Kind::any;
  InstanceId id = 0;  ///< Of `node`.
  std::string key{};  ///< Of `key`.
};

/// Of an id, `any`, `all` or `key:NAME`. Throws `UsageError`.
Target parse_target(const std::string& text);

/// Of several name=value. Throws `UsageError`.
NodeFilter parse_labels(const std::vector<std::string>& labels);

struct Call {
  Target target{};
  std::string type{};
  std::string data = "null";
  Headers headers{};
  NodeFilter nodes{};
  std::chrono::milliseconds deadline{0};
};

/// Calls one node; the target must not be all. `call` must outlive it.
asio::awaitable<std::string> begin(Session& session, const Call& call);

}  // namespace mesh::ctl
