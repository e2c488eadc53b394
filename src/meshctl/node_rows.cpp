#include <meshctl/node_rows.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include <core/keys.hpp>
#include <meshctl/concurrently.hpp>
#include <meshctl/figures.hpp>
#include <meshctl/redis_access.hpp>

namespace mesh::ctl {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds longest_ping{2000};  // after one second it is clear that nobody listens

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

std::string ping_text(const Ping& ping) {
  if (ping.error) return std::string(describe_failure(ping.error).kind);
  return ping.took ? duration_text(*ping.took) : "-";
}

std::string rate_text(std::optional<double> rate) {
  if (!rate) return "-";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), *rate < 100 ? "%.1f" : "%.0f", *rate);
  return text.data();
}

std::string joined(const std::vector<std::string>& texts) {
  std::string result;
  for (const std::string& text : texts) {
    if (!result.empty()) result += ',';
    result += text;
  }
  return result;
}

std::string labels_text(const std::map<std::string, std::string>& labels) {
  std::vector<std::string> texts;
  texts.reserve(labels.size());
  for (const auto& [name, value] : labels) {
    texts.push_back(name);
    texts.back().append("=").append(value);
  }
  return joined(texts);
}

bool says_something(const NodeInfo& info) { return !info.language.empty(); }

std::string language_of(const NodeRow& row) {
  if (says_something(row.info)) return row.info.language;
  return row.ping.is_foreign ? "TypeScript?" : "-";
}

std::string types_text(const NodeInfo& info, bool with_details) {
  if (!says_something(info)) return "-";
  const std::string others = info.has_fallback_handler ? (with_details ? "*" : "+*") : "";
  if (!with_details) return std::to_string(info.types.size()) + others;
  std::vector<std::string> types = info.types;
  if (!others.empty()) types.push_back(others);
  return or_dash(joined(types));
}

}  // namespace

NodeLook::NodeLook(Session& session) : session_(session) {}
NodeLook::~NodeLook() = default;

asio::awaitable<std::vector<NodeRow>> NodeLook::rows(bool with_rates) {
  std::vector<NodeRow> rows;
  const std::vector<NodeInfo> nodes = co_await other_nodes(session_);
  rows.reserve(nodes.size());
  for (const NodeInfo& node : nodes) rows.push_back({node});
  auto ask_one = [&](std::size_t i) { return ask(rows[i], with_rates); };
  co_await concurrently(rows.size(), asked_at_once, ask_one);
  if (knows_heartbeats_) co_await add_heartbeats(rows);
  co_return rows;
}

asio::awaitable<void> NodeLook::ask(NodeRow& row, bool with_rates) {
  const InstanceId id = row.info.instance_id;
  const milliseconds timeout = std::min(session_.settings.timeout, longest_ping);
  row.ping = co_await ping(session_, id, timeout);
  if (!with_rates || row.ping.is_foreign || row.ping.error) co_return;
  try {
    const auto figures = co_await ask_figures(session_, id, timeout);
    if (!figures) co_return;
    row.requests = figures->count("requestsReceived");
  } catch (const MeshError& error) {
    row.ping.error = std::current_exception();
    co_return;
  }
  const auto now = Clock::now();
  const auto before = seen_.find(id);
  if (before != seen_.end() && before->second.requests < *row.requests) {
    // The ping and the question themselves are requests, too, of each look.
    const double own = 2;
    const auto more = static_cast<double>(*row.requests - before->second.requests) - own;
    const double seconds = std::chrono::duration<double>(now - before->second.at).count();
    row.rate = std::max(more, 0.0) / std::max(seconds, 0.001);
  }
  seen_[id] = {*row.requests, now};
}

// A user of Redis with few rights may not be allowed to; then nothing is shown.
asio::awaitable<void> NodeLook::add_heartbeats(std::vector<NodeRow>& rows) {
  try {
    const core::Keys keys(session_.options.redis, session_.settings.key);
    if (!redis_) {
      redis_ = std::make_unique<RedisAccess>(session_, session_.options.redis, keys.slot());
      co_await redis_->connect();
    }
    std::vector<std::string> range{"ZRANGEBYSCORE", keys.heartbeats(), "-inf", "+inf",
                                   "WITHSCORES"};
    const redis::Reply scores = co_await redis_->ask(std::move(range));
    std::vector<std::string> time{"TIME"};
    const redis::Reply now = co_await redis_->ask(std::move(time));
    if (now.elements.size() < 2) co_return;
    const double now_ms =
        number_in(now.elements[0].text) * 1000 + number_in(now.elements[1].text) / 1000;
    std::map<std::string, double> ages;
    for (std::size_t i = 0; i + 1 < scores.elements.size(); i += 2) {
      ages[scores.elements[i].text] = now_ms - number_in(scores.elements[i + 1].text);
    }
    for (NodeRow& row : rows) {
      const auto found = ages.find(std::to_string(row.info.instance_id));
      if (found == ages.end()) continue;
      row.heartbeat_age = milliseconds(static_cast<std::int64_t>(std::max(found->second, 0.0)));
    }
  } catch (const MeshError&) {
    knows_heartbeats_ = false;
  }
}

Table node_table(const std::vector<NodeRow>& rows, bool with_rates, bool with_details) {
  using enum Table::Align;
  std::vector<Table::Column> columns{{"ID", right},   {"HOST"},       {"NAME"},
                                     {"VERSION"},     {"LANGUAGE"},   {"UP", right},
                                     {"BEAT", right}, {"PING", right}};
  if (with_rates) columns.push_back({"CALLS/S", right});
  columns.push_back({"TYPES", with_details ? left : right});
  if (with_details) columns.push_back({"LABELS"});
  Table table(std::move(columns));
  const auto now = std::chrono::system_clock::now();
  for (const NodeRow& row : rows) {
    const NodeInfo& info = row.info;
    const bool has_start = info.started_at.time_since_epoch().count() > 0;
    const auto up = std::chrono::duration_cast<milliseconds>(now - info.started_at);
    std::vector<std::string> texts{std::to_string(info.instance_id),
                                   info.hostname,
                                   or_dash(info.name),
                                   or_dash(info.version),
                                   language_of(row),
                                   has_start ? age_text(up) : "-",
                                   row.heartbeat_age ? age_text(*row.heartbeat_age) : "-",
                                   ping_text(row.ping)};
    if (with_rates) texts.push_back(rate_text(row.rate));
    texts.push_back(types_text(info, with_details));
    if (with_details) texts.push_back(or_dash(labels_text(info.labels)));
    table.add(std::move(texts));
  }
  return table;
}

Json to_json(const NodeRow& row) {
  const NodeInfo& info = row.info;
  Json json;
  json["id"] = info.instance_id;
  json["hostname"] = info.hostname;
  if (says_something(info)) {
    json["name"] = info.name;
    json["version"] = info.version;
    json["language"] = info.language;
    json["labels"] = info.labels;
    json["types"] = info.types;
    json["fallback"] = info.has_fallback_handler;
    json["startedAt"] = iso_time(info.started_at);
  }
  if (row.heartbeat_age) json["heartbeatAgeMs"] = row.heartbeat_age->count();
  if (row.ping.took) {
    json["pingUs"] = std::chrono::duration<double, std::micro>(*row.ping.took).count();
    json["knowsPing"] = !row.ping.is_foreign;
  }
  if (row.ping.error) json["error"] = Json::parse(failure_json(row.ping.error));
  if (row.requests) json["requestsReceived"] = *row.requests;
  if (row.rate) json["requestsPerSecond"] = *row.rate;
  return json;
}

}  // namespace mesh::ctl
