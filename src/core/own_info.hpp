#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include <mesh/node.hpp>

#include <core/request_server.hpp>

namespace mesh::core {

/// What this node says of itself. From any thread.
class OwnInfo {
 public:
  OwnInfo(const ServiceInfo& service, const std::string& hostname,
          std::shared_ptr<const RequestServer::Handlers> handlers);

  void set_started_at(std::chrono::system_clock::time_point time) { started_at_ = time; }
  /// Without `instance_id` and `self`.
  NodeInfo info() const;
  /// As it is kept in Redis under this owner of the id.
  std::string text(const std::string& owner) const;

 private:
  NodeInfo info_;  // what never changes
  std::atomic<std::chrono::system_clock::time_point> started_at_{};
  std::shared_ptr<const RequestServer::Handlers> handlers_;
};

}  // namespace mesh::core
