#include <meshctl/target.hpp>

#include <meshctl/command.hpp>

namespace mesh::ctl {

Target parse_target(const std::string& text) {
  if (text == "any") return {Target::Kind::any};
  if (text == "all") return {Target::Kind::all};
  if (text.starts_with("key:")) return {Target::Kind::key, 0, text.substr(4)};
  if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos) {
    throw UsageError("\"" + text + "\" is no target",
                     "a target is the id of a node, any, all, or key:NAME");
  }
  return {Target::Kind::node, parse_id(text)};
}

NodeFilter parse_labels(const std::vector<std::string>& labels) {
  if (labels.size() > NodeFilter::most_labels) {
    throw UsageError("nodes are chosen by at most 4 labels", "give fewer --label");
  }
  NodeFilter nodes;
  for (const std::string& label : labels) {
    const auto [name, value] = parse_pair(label, "--label");
    nodes = nodes.with_label(name, value);
  }
  return nodes;
}

asio::awaitable<std::string> begin(Session& session, const Call& call) {
  if (call.target.kind == Target::Kind::node) {
    const InvokeOptions options{
        .timeout = session.settings.timeout, .deadline = call.deadline, .headers = &call.headers};
    co_return co_await session.node->invoke_raw(call.target.id, call.type, call.data, options);
  }
  const Route route =
      call.target.kind == Target::Kind::key ? Route::by_key(call.target.key) : Route::round_robin();
  const AnyOptions options{.timeout = session.settings.timeout,
                           .deadline = call.deadline,
                           .headers = &call.headers,
                           .route = route.among(call.nodes),
                           .skip_self = true};
  co_return co_await session.node->invoke_any_raw(call.type, call.data, options);
}

}  // namespace mesh::ctl
