#include <core/own_info.hpp>

#include <utility>

#include <wire/node_info.hpp>

namespace mesh::core {

OwnInfo::OwnInfo(const ServiceInfo& service, const std::string& hostname,
                 std::shared_ptr<RequestServer> server)
    : server_(std::move(server)) {
  info_.hostname = hostname;
  info_.name = service.name;
  info_.version = service.version;
  info_.labels = service.labels;
  info_.language = "C++";
}

NodeInfo OwnInfo::info() const {
  NodeInfo info = info_;
  info.started_at = started_at_;
  info.types = server_->handlers().types();
  info.has_fallback_handler = server_->handlers().has_fallback();
  return info;
}

std::string OwnInfo::text(const std::string& owner) const {
  return wire::encode_node_record({owner, info()});
}

}  // namespace mesh::core
