#include <core/own_info.hpp>

#include <utility>

#include <wire/node_info.hpp>

namespace mesh::core {

OwnInfo::OwnInfo(const ServiceInfo& service, const std::string& hostname,
                 std::shared_ptr<const RequestServer::Handlers> handlers)
    : handlers_(std::move(handlers)) {
  info_.hostname = hostname;
  info_.name = service.name;
  info_.version = service.version;
  info_.labels = service.labels;
  info_.language = "C++";
}

NodeInfo OwnInfo::info() const {
  NodeInfo info = info_;
  info.started_at = started_at_;
  info.types = handlers_->types();
  info.has_fallback_handler = handlers_->has_fallback();
  return info;
}

std::string OwnInfo::text(const std::string& owner) const {
  return wire::encode_node_record({owner, info()});
}

}  // namespace mesh::core
