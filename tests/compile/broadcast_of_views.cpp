#include <map>
#include <optional>
#include <span>
#include <vector>

#include "messages.hpp"

using Views =
    mesh::BroadcastMap<mesh::Broadcast<"news", std::map<int, std::vector<std::string_view>>>>;

static_assert(mesh::detail::refers_elsewhere<std::optional<std::span<const int>>>);
static_assert(mesh::detail::refers_elsewhere<std::pair<int, std::reference_wrapper<int>>>);
static_assert(mesh::detail::refers_elsewhere<const int*>);

void run(mesh::MeshService<Messages, Views>& service) { service.stats(); }
