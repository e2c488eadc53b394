#include <meshctl/events.hpp>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>

#include <meshctl/command.hpp>
#include <meshctl/inspect.hpp>
#include <meshctl/terminal.hpp>

namespace mesh::ctl {

namespace {

/// Prints events and counts them. Callbacks share it, as they may outlive who waits.
class Printer {
 public:
  Printer(const Strand& strand, bool as_json, std::size_t most)
      : ended_(strand, asio::steady_timer::time_point::max()), as_json_(as_json), most_(most) {}

  void node(std::string_view event, InstanceId id, const NodeInfo& info) {
    Json json = begin(event);
    json["node"] = id;
    json["hostname"] = info.hostname;
    if (!info.name.empty()) json["name"] = info.name;
    if (!info.version.empty()) json["version"] = info.version;
    const std::string who = "node " + std::to_string(id) + " @ " + info.hostname +
                            (info.name.empty() ? "" : " " + info.name) +
                            (info.version.empty() ? "" : " " + info.version);
    print(event, event == "left" ? Colour::red : Colour::green, who, json);
  }

  void broadcast(std::string_view name, std::string_view data, InstanceId sender) {
    Json json = begin("broadcast");
    json["type"] = name;
    json["sender"] = sender;
    Json parsed = as_json_ ? Json::parse(data, nullptr, false) : Json();
    if (parsed.is_discarded()) parsed = std::string(data);  // JSON, but too large a number
    json["data"] = std::move(parsed);
    const std::string text =
        std::string(name) + " from node " + std::to_string(sender) + ": " + std::string(data);
    print("broadcast", Colour::bold, text, json);
  }

  void connection(bool is_there) {
    const std::string_view event = is_there ? "connected" : "disconnected";
    print(
        event, is_there ? Colour::green : Colour::red,
        is_there ? "the connection to Redis is back" : "from Redis: what happens now may be missed",
        begin(event));
  }

  asio::awaitable<void> wait() {
    constexpr auto token = asio::as_tuple(asio::use_awaitable);
    while (!is_full()) co_await ended_.async_wait(token);
  }

 private:
  bool is_full() const { return most_ > 0 && printed_ >= most_; }

  static Json begin(std::string_view event) {
    Json json;
    json["time"] = iso_time(std::chrono::system_clock::now());
    json["event"] = event;
    return json;
  }

  void print(std::string_view event, Colour colour, const std::string& text, const Json& json) {
    if (is_full()) return;
    if (as_json_) {
      print_line(to_text(json));
    } else {
      const std::string padding(event.size() < 10 ? 10 - event.size() : 1, ' ');
      print_line(time_text(std::chrono::system_clock::now()) + "  " + coloured(colour, event) +
                 padding + printable(text));
    }
    ++printed_;
    if (is_full()) ended_.cancel();
  }

  asio::steady_timer ended_;
  bool as_json_;
  std::size_t most_;
  std::size_t printed_ = 0;
};

/// Tells nodes that are there from those that join, and says of each what it says of itself.
class Joins {
 public:
  Joins(Session& session, std::shared_ptr<Printer> printer, std::vector<NodeInfo> there)
      : session_(session), printer_(std::move(printer)) {
    for (NodeInfo& node : there) there_.emplace(node.instance_id, std::move(node));
  }

  asio::awaitable<void> on_change(NodeChange change, MeshNode node) {
    NodeInfo info;
    info.hostname = node.hostname;
    if (change == NodeChange::left) {
      const auto known = known_.extract(node.instance_id);
      printer_->node("left", node.instance_id, known ? known.mapped() : info);
      co_return;
    }
    auto listed = there_.extract(node.instance_id);
    if (listed) info = listed.mapped();
    if (!listed) co_await look_up(node.instance_id, info);
    known_[node.instance_id] = info;
    printer_->node(listed ? "there" : "joined", node.instance_id, info);
  }

 private:
  /// Of a node in TypeScript only the host is known.
  asio::awaitable<void> look_up(InstanceId id, NodeInfo& info) {
    const InvokeOptions options{.timeout = std::chrono::seconds(1)};
    const std::string nothing = "null";
    std::string answer;
    try {
      answer = co_await session_.node->invoke_raw(id, "$mesh.info", nothing, options);
    } catch (const MeshError&) {
      co_return;
    }
    const Json json = Json::parse(answer, nullptr, false);
    const auto text_of = [&json](const char* member) {
      const bool has_text = json.is_object() && json.contains(member) && json[member].is_string();
      return has_text ? json[member].get<std::string>() : std::string();
    };
    info.name = text_of("name");
    info.version = text_of("version");
  }

  Session& session_;
  std::shared_ptr<Printer> printer_;
  std::map<InstanceId, NodeInfo> there_;  // from the start, and not told yet
  std::map<InstanceId, NodeInfo> known_;
};

}  // namespace

asio::awaitable<ExitStatus> print_events(Session& session, EventFilter filter, bool as_json,
                                         std::size_t most) {
  const auto printer = std::make_shared<Printer>(session.strand, as_json, most);
  session.node->set_connection_callback(
      [printer](bool is_there) { printer->connection(is_there); });
  if (filter.broadcasts) {
    session.node->register_fallback_broadcast_handler(
        [printer](std::string_view name, std::string_view data, InstanceId sender) {
          printer->broadcast(name, data, sender);
        });
  }
  if (filter.nodes) {
    std::vector<NodeInfo> there = co_await other_nodes(session);
    const auto joins = std::make_shared<Joins>(session, printer, std::move(there));
    session.node->watch_nodes(
        [joins](NodeChange change, MeshNode node) { return joins->on_change(change, node); });
  }
  co_await printer->wait();
  co_return ExitStatus::ok;
}

}  // namespace mesh::ctl
