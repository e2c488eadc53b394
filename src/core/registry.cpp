#include <core/registry.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <utility>

#include <mesh/errors.hpp>
#include <scripts/claim_id.lua.hpp>
#include <scripts/finish_report.lua.hpp>
#include <scripts/heartbeat.lua.hpp>
#include <scripts/leave.lua.hpp>
#include <scripts/list_nodes.lua.hpp>
#include <scripts/next_free_id.lua.hpp>
#include <scripts/read_infos.lua.hpp>
#include <scripts/remove_dead_nodes.lua.hpp>

#include <async/event.hpp>
#include <core/node_features.hpp>
#include <redis/channel_kind.hpp>
#include <redis/reply_errors.hpp>
#include <wire/node_info.hpp>

namespace mesh::core {

namespace {

using Strings = std::vector<std::string>;

// Long enough to outlast a pause of the node; nobody waits for it to end.
constexpr int owner_ttl_in_node_ttls = 10;

// Some milliseconds of Redis.
constexpr std::size_t nodes_per_part = 1000;

// Others may have put anything into the sets: what is not an id is passed over.
std::optional<std::int64_t> parse_number(const std::string& text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc{} || result.ptr != end) return std::nullopt;
  return number;
}

/// Of number of the last change, members, last id, whether one is silent; nothing of less.
std::optional<view::ListState> parse_list_state(const redis::Reply& reply) {
  if (reply.elements.size() < 4) return std::nullopt;
  return view::ListState{
      parse_number(reply.elements[0].text).value_or(0), reply.elements[1].integer,
      parse_number(reply.elements[2].text).value_or(0), reply.elements[3].integer};
}

/// From where the next part begins, the list's state, id, host name, id, host name ...
template <typename Node>
void append_nodes(std::vector<Node>& nodes, const redis::Reply& reply, InstanceId self) {
  for (std::size_t i = 2; i + 1 < reply.elements.size(); i += 2) {
    const auto id = parse_number(reply.elements[i].text);
    if (!id) continue;
    Node node;
    node.instance_id = *id;
    node.hostname = reply.elements[i + 1].text;
    node.self = *id == self;
    nodes.push_back(std::move(node));
  }
}

/// Takes over what the node says, but not who it is.
void apply_record(NodeInfo& node, wire::NodeRecord&& record) {
  const MeshNode known = node;
  node = std::move(record.info);
  static_cast<MeshNode&>(node) = known;
}

/// Of id, note, id, note ... those whose note begins with `prefix`.
Registry::Reports parse_reports(const redis::Reply& pairs, const std::string& prefix) {
  Registry::Reports reports;
  for (std::size_t i = 0; i + 1 < pairs.elements.size(); i += 2) {
    const auto id = parse_number(pairs.elements[i].text);
    const std::string& note = pairs.elements[i + 1].text;
    if (id && note.starts_with(prefix)) reports.push_back(Registry::Report{*id, note});
  }
  return reports;
}

}  // namespace

Registry::Registry(Context context)
    : strand_(std::move(context.strand)),
      client_(std::move(context.client)),
      keys_(std::move(context.keys)),
      node_ttl_(std::to_string(context.node_ttl.count())),
      owner_ttl_(std::to_string((context.node_ttl * owner_ttl_in_node_ttls).count())),
      hostname_(std::move(context.hostname)),
      channels_(std::move(context.channels)),
      next_free_id_(scripts::next_free_id),
      claim_id_(scripts::claim_id),
      heartbeat_(scripts::heartbeat),
      list_nodes_(scripts::list_nodes),
      read_infos_(scripts::read_infos),
      remove_dead_nodes_(scripts::remove_dead_nodes),
      finish_report_(scripts::finish_report),
      leave_(scripts::leave) {}

asio::awaitable<InstanceId> Registry::next_free_id(TimePoint deadline) {
  Strings keys{keys_.next_id(), keys_.heartbeats()};
  Strings arguments{channel_to_ask_about(keys_.node_channel_prefix())};
  const redis::Reply reply =
      co_await next_free_id_.run(*client_, std::move(keys), std::move(arguments), deadline);
  if (reply.kind != redis::Reply::Kind::integer || reply.integer <= 0) {
    throw MeshRedisError("Redis gave no id for this node");
  }
  co_return reply.integer;
}

asio::awaitable<InstanceId> Registry::claim_id(TimePoint deadline) {
  uuid_ = owner_value(uuids_.next());
  last_score_.clear();
  forget_refusals();
  for (;;) {
    const InstanceId id = co_await next_free_id(deadline);
    if (co_await may_be_heard(id, deadline)) continue;
    if (!co_await claim(id, deadline)) continue;
    note_claim(id);
    co_return id;
  }
}

void Registry::forget_refusals() {
  may_read_lock_ = true;
  may_use_infos_ = true;
  may_look_at_any_info_ = true;
}

asio::awaitable<bool> Registry::claim(InstanceId id, TimePoint deadline) {
  Strings keys{keys_.owner(id), keys_.heartbeats()};
  Strings arguments{std::to_string(id), uuid_, owner_ttl_};
  const redis::Reply reply =
      co_await claim_id_.run(*client_, std::move(keys), std::move(arguments), deadline);
  co_return reply.integer == 1;
}

// Where the scripts do not know. An id is used only if it is certain that nobody listens there; the
// primary of its channel may be down while those of others are not.
asio::awaitable<bool> Registry::may_be_heard(InstanceId id, TimePoint deadline) {
  constexpr std::chrono::seconds patience{1};
  constexpr std::chrono::milliseconds pause{50};
  if (!channels_) co_return false;
  const TimePoint latest = std::min(deadline, Clock::now() + patience);
  while (Clock::now() < latest) {
    const auto answer = co_await wait_for_listeners(*channels_, strand_, id, latest);
    if (answer.found) co_return answer.found->own > 0;
    if (answer.failure == redis::Failure::stopped) throw MeshStoppedError();
    if (answer.refusal.starts_with("NOPERM")) throw MeshRedisError(answer.refusal);
    Event never(strand_);
    co_await never.wait_until(std::min(latest, Clock::now() + pause));
  }
  co_return true;
}

std::string Registry::channel_to_ask_about(const std::string& name) const {
  return channels_ ? std::string() : name;
}

std::string Registry::publish_word() const {
  return std::string(redis::words_of(client_->channel_kind()).publish);
}

void Registry::note_claim(InstanceId id) {
  constexpr std::size_t most_claims = 16;
  const auto [claim, is_new] = claims_.try_emplace(id);
  former_uuid_ = std::exchange(claim->second, uuid_);
  if (claims_.size() > most_claims) claims_.erase(claims_.begin());
}

asio::awaitable<Registry::Heartbeat> Registry::heartbeat(const Beat& beat, TimePoint deadline) {
  redis::Outcome outcome = co_await run_heartbeat(beat, deadline);
  if (redis::is_not_permitted(outcome.reply)) outcome = co_await find_permitted(beat, deadline);
  const redis::Reply reply = client_->require_reply(std::move(outcome), "script");
  Heartbeat found;
  if (reply.elements.size() < 5) co_return found;
  last_score_ = reply.elements[1].text;
  found.registration = reply.elements[0].integer == 1 ? Registration::known : Registration::missing;
  found.is_unheard = reply.elements[2].integer == 0;
  found.has_info = (reply.elements[3].integer & 1) != 0;
  if ((reply.elements[3].integer & 2) != 0) may_look_at_any_info_ = false;
  found.may_have_info = (reply.elements[3].integer & 4) == 0;
  found.list = parse_list_state(reply.elements[4]);
  if (reply.elements.size() > 5) found.another_leads = reply.elements[5].integer == 1;
  co_return found;
}

// An ACL may know nothing of keys that are newer than it, or deny the lock's: the node must be able
// to live without.
asio::awaitable<redis::Outcome> Registry::find_permitted(const Beat& beat, TimePoint deadline) {
  constexpr std::array<std::pair<bool, bool>, 3> fewer{
      {{true, false}, {false, true}, {false, false}}};
  redis::Outcome outcome;
  for (const auto& [reads_lock, uses_infos] : fewer) {
    may_read_lock_ = reads_lock;
    may_use_infos_ = uses_infos;
    outcome = co_await run_heartbeat(beat, deadline);
    const bool has_worked = outcome.failure == redis::Failure::none && !outcome.reply.is_error();
    if (has_worked) co_return outcome;
    if (!redis::is_not_permitted(outcome.reply)) break;
  }
  may_read_lock_ = true;
  may_use_infos_ = true;
  co_return outcome;
}

std::string Registry::infos_key() const {
  return may_use_infos_ ? keys_.infos() : keys_.heartbeats();
}

std::string Registry::changes_key() const {
  return may_use_infos_ ? keys_.changes() : keys_.heartbeats();
}

asio::awaitable<bool> Registry::is_unheard(InstanceId id, TimePoint deadline) {
  if (!channels_) co_return false;
  const auto answer = co_await wait_for_listeners(*channels_, strand_, id, deadline);
  co_return answer.found&& answer.found->own == 0;
}

asio::awaitable<redis::Outcome> Registry::run_heartbeat(const Beat& beat, TimePoint deadline) {
  Strings keys{keys_.heartbeats(),   keys_.nodes(), keys_.next_id(),
               keys_.owner(beat.id), infos_key(),   changes_key()};
  if (may_read_lock_) {
    keys.push_back(keys_.leader_lock());
    keys.push_back(keys_.leader_last_term());
  }
  Strings arguments{std::to_string(beat.id),
                    hostname_,
                    uuid_,
                    owner_ttl_,
                    last_score_,
                    keys_.events_channel(),
                    beat.lock_value,
                    former_uuid_,
                    channel_to_ask_about(keys_.node_channel(beat.id)),
                    publish_word(),
                    beat.info,
                    beat.wants_list_state ? node_ttl_ : std::string(),
                    may_look_at_any_info_ ? "1" : "0"};
  co_return co_await heartbeat_.execute(*client_, std::move(keys), std::move(arguments), deadline);
}

template <typename Node>
asio::awaitable<std::optional<view::ListState>> Registry::read_list(InstanceId self,
                                                                    std::vector<Node>& nodes,
                                                                    TimePoint deadline) {
  const Strings keys{keys_.heartbeats(), keys_.nodes(), keys_.next_id(), changes_key()};
  const std::string first = "0";
  std::optional<view::ListState> state;
  std::string part = first;
  do {
    Strings arguments{node_ttl_, part, std::to_string(nodes_per_part)};
    const redis::Reply reply = co_await list_nodes_.run(*client_, keys, std::move(arguments),
                                                        deadline, redis::Priority::payload);
    append_nodes(nodes, reply, self);
    const bool is_whole = reply.elements.size() >= 2;
    if (!state && is_whole) state = parse_list_state(reply.elements[1]);
    part = is_whole ? reply.elements.front().text : first;
  } while (part != first);
  std::ranges::sort(nodes, {}, &Node::instance_id);
  const auto is_same = [](const Node& left, const Node& right) {
    return left.instance_id == right.instance_id;
  };
  nodes.erase(std::unique(nodes.begin(), nodes.end(), is_same), nodes.end());
  co_return state;
}

asio::awaitable<std::vector<MeshNode>> Registry::list(InstanceId self, TimePoint deadline) {
  std::vector<MeshNode> nodes;
  co_await read_list(self, nodes, deadline);
  co_return nodes;
}

asio::awaitable<view::Listing> Registry::list_infos(InstanceId self, TimePoint deadline) {
  view::Listing listing;
  const auto state = co_await read_list(self, listing.nodes, deadline);
  listing.state = state.value_or(view::ListState{});
  if (!may_use_infos_) co_return listing;
  for (std::size_t begin = 0; begin < listing.nodes.size(); begin += nodes_per_part) {
    const std::size_t size = std::min(nodes_per_part, listing.nodes.size() - begin);
    co_await read_infos(std::span(listing.nodes).subspan(begin, size), deadline);
  }
  co_return listing;
}

asio::awaitable<void> Registry::read_infos(std::span<NodeInfo> nodes, TimePoint deadline) {
  Strings keys{keys_.infos()};
  Strings arguments;
  for (const NodeInfo& node : nodes) {
    keys.push_back(keys_.owner(node.instance_id));
    arguments.push_back(std::to_string(node.instance_id));
  }
  const redis::Reply reply = co_await read_infos_.run(
      *client_, std::move(keys), std::move(arguments), deadline, redis::Priority::payload);
  for (std::size_t i = 0; i < nodes.size() && 2 * i + 1 < reply.elements.size(); ++i) {
    auto record = wire::decode_node_record(reply.elements[2 * i + 1].text);
    if (record && record->owner == reply.elements[2 * i].text) {
      apply_record(nodes[i], std::move(*record));
    }
  }
}

asio::awaitable<std::optional<Registry::Reports>> Registry::remove_dead(InstanceId self,
                                                                        const Mandate& mandate,
                                                                        TimePoint deadline) {
  constexpr int most_rounds = 100;
  std::vector<std::string> owners;
  std::vector<std::string> ghosts = std::exchange(ghosts_, {});
  for (int round = 1;; ++round) {
    const redis::Reply reply =
        co_await run_cleanup(self, mandate, owners, std::exchange(ghosts, {}), deadline);
    if (reply.elements.size() < 3) co_return std::nullopt;
    const std::vector<redis::Reply>& missing = reply.elements[2].elements;
    if (missing.empty() || round == most_rounds) {
      for (const redis::Reply& ghost : reply.elements[1].elements) ghosts_.push_back(ghost.text);
      co_return parse_reports(reply.elements[0], "");
    }
    for (const redis::Reply& id : missing) owners.push_back(id.text);
  }
}

asio::awaitable<redis::Reply> Registry::run_cleanup(InstanceId self, const Mandate& mandate,
                                                    std::vector<std::string> owners,
                                                    std::vector<std::string> ghosts,
                                                    TimePoint deadline) {
  Strings keys{mandate.key,     keys_.heartbeats(), keys_.nodes(), keys_.reports(),
               keys_.next_id(), infos_key(),        changes_key()};
  for (const std::string& id : owners) keys.push_back(keys_.owner_prefix() + id);
  Strings arguments{mandate.value,         node_ttl_,      reporter(self), keys_.events_channel(),
                    keys_.pulse_channel(), mandate.memory, publish_word()};
  arguments.insert(arguments.end(), owners.begin(), owners.end());
  arguments.insert(arguments.end(), ghosts.begin(), ghosts.end());
  co_return co_await remove_dead_nodes_.run(*client_, std::move(keys), std::move(arguments),
                                            deadline);
}

asio::awaitable<Registry::Reports> Registry::list_reports(InstanceId self, TimePoint deadline) {
  redis::Command command{"HGETALL", keys_.reports()};
  const redis::Reply reply = co_await client_->request(std::move(command), deadline);
  co_return parse_reports(reply, reporter(self) + ":");
}

asio::awaitable<bool> Registry::is_current(const Report& report, TimePoint deadline) {
  redis::Command command{"HGET", keys_.reports(), std::to_string(report.id)};
  const redis::Reply reply = co_await client_->request(std::move(command), deadline);
  co_return reply.text == report.note;
}

asio::awaitable<void> Registry::finish_report(const Report& report, TimePoint deadline) {
  Strings keys{keys_.reports()};
  Strings arguments{std::to_string(report.id), report.note};
  co_await finish_report_.run(*client_, std::move(keys), std::move(arguments), deadline);
}

asio::awaitable<bool> Registry::begin_to_leave(InstanceId id, TimePoint deadline) {
  return run_leave(id, owner_ttl_, deadline, redis::Priority::control);
}

asio::awaitable<void> Registry::leave(InstanceId id, TimePoint deadline) {
  // Behind the answers that this node has given: the connection closes after it.
  bool is_crowded = false;
  try {
    co_await run_leave(id, "0", deadline, redis::Priority::payload);
  } catch (const MeshLimitError&) {
    is_crowded = true;
  }
  if (is_crowded) co_await run_leave(id, "0", deadline, redis::Priority::control);
}

asio::awaitable<bool> Registry::run_leave(InstanceId id, std::string owner_ttl, TimePoint deadline,
                                          redis::Priority priority) {
  Strings keys{keys_.heartbeats(), keys_.nodes(), keys_.owner(id), infos_key(), changes_key()};
  Strings arguments{std::to_string(id), uuid_, std::move(owner_ttl), keys_.events_channel(),
                    publish_word()};
  const redis::Reply reply =
      co_await leave_.run(*client_, std::move(keys), std::move(arguments), deadline, priority);
  co_return reply.integer >= 0;
}

}  // namespace mesh::core
