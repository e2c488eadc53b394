#include <meshctl/examination.hpp>

#include <algorithm>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include <core/keys.hpp>
#include <meshctl/redis_access.hpp>
#include <meshctl/terminal.hpp>

namespace mesh::ctl {

namespace {

using std::chrono::milliseconds;
using enum Finding::Level;

/// Of the names of what is tried, which no mesh should have.
constexpr const char* trial_key = "meshctl-doctor";

/// Of INFO: the value behind "name:"; empty if there is none.
std::string info_field(const std::string& info, const std::string& name) {
  const std::string begin = "\n" + name + ":";
  const auto found = ("\n" + info).find(begin);
  if (found == std::string::npos) return {};
  const auto from = found + begin.size() - 1;
  return info.substr(from, info.find_first_of("\r\n", from) - from);
}

class Examination {
 public:
  Examination(Session& session, const Report& report)
      : session_(session),
        report_(report),
        redis_options_(session.options.redis),
        keys_(names_of(redis_options_), trial_key),
        redis_(session, redis_options_, keys_.slot()) {}

  asio::awaitable<void> run() {
    const bool is_connected = co_await connect();
    if (!is_connected) co_return;
    co_await look_at_server();
    co_await look_at_time();
    co_await try_script();
    co_await try_messages();
    co_await look_at_buffers();
    co_await look_at_cluster();
    co_await list_meshes();
  }

 private:
  static RedisOptions names_of(RedisOptions options) {
    if (options.prefix.empty()) options.prefix = "meshctl";
    return options;
  }

  void say(Finding::Level level, std::string subject, std::string text, std::string advice = {}) {
    report_({level, std::move(subject), std::move(text), std::move(advice)});
  }

  asio::awaitable<bool> connect() {
    std::exception_ptr error;
    try {
      co_await redis_.connect();
      say(ok, "connection", redis_.client()->location());
    } catch (const MeshError&) {
      error = std::current_exception();
    }
    if (!error) co_return true;
    say(bad, "connection", describe_failure(error).text,
        "is the address right (--url, MESH_REDIS_*, --sentinel), and does the server let this "
        "machine and this user in?");
    co_return false;
  }

  /// Nothing if it was refused or not answered; then that has been said.
  asio::awaitable<std::optional<redis::Reply>> ask(std::string subject,
                                                   std::vector<std::string> words,
                                                   Finding::Level level, std::string advice) {
    std::exception_ptr error;
    try {
      co_return co_await redis_.ask(std::move(words));
    } catch (const MeshError&) {
      error = std::current_exception();
    }
    say(level, std::move(subject), describe_failure(error).text, std::move(advice));
    co_return std::nullopt;
  }

  asio::awaitable<void> look_at_server() {
    std::vector<std::string> words{"INFO"};
    const auto reply = co_await ask("server", std::move(words), bad,
                                    "nodes need INFO: docs/security.md lists their rights");
    if (!reply) co_return;
    const std::string& info = reply->text;
    const std::string valkey = info_field(info, "valkey_version");
    const std::string version = info_field(info, "redis_version");
    const bool is_new = number_in(version) >= 7;
    say(is_new ? ok : bad, "version", valkey.empty() ? "Redis " + version : "Valkey " + valkey,
        is_new ? "" : "the library is tested from 7.0 on; upgrade Redis");
    const bool is_replica = info_field(info, "role") == "slave";
    if (is_replica) {
      say(bad, "role", "this server is a replica, which takes no writes",
          "connect to the master, or by --sentinel");
    }
    const std::string policy = info_field(info, "maxmemory_policy");
    if (number_in(info_field(info, "maxmemory")) > 0 && !policy.empty() && policy != "noeviction") {
      say(warn, "eviction", "maxmemory-policy is " + policy + ", so keys of meshes may be evicted",
          "set maxmemory-policy noeviction, or give meshes a server of their own");
    }
  }

  asio::awaitable<void> look_at_time() {
    std::vector<std::string> words{"TIME"};
    const auto sent_at = std::chrono::system_clock::now();
    const auto begin = Clock::now();
    const auto reply = co_await ask("time", std::move(words), bad,
                                    "nodes need TIME: docs/security.md lists their rights");
    if (!reply || reply->elements.size() < 2) co_return;
    const auto took = Clock::now() - begin;
    const std::chrono::duration<double> theirs(number_in(reply->elements[0].text) +
                                               number_in(reply->elements[1].text) / 1e6);
    const auto middle = sent_at.time_since_epoch() + took / 2;
    const auto difference = std::chrono::abs(theirs - std::chrono::duration<double>(middle));
    say(ok, "round trip", duration_text(took));
    const auto shown =
        duration_text(std::chrono::duration_cast<std::chrono::nanoseconds>(difference));
    const bool is_large = difference > std::chrono::seconds(2);
    say(is_large ? warn : ok, "clock", "differs from that of Redis by " + shown,
        is_large ? "meshes go by the clock of Redis alone, but logs will not fit together: use NTP"
                 : "");
  }

  asio::awaitable<void> try_script() {
    std::vector<std::string> words{"EVAL", "return 7", "0"};
    const auto reply = co_await ask("scripts", std::move(words), bad,
                                    "nodes need EVAL and EVALSHA: docs/security.md lists rights");
    if (reply) say(reply->integer == 7 ? ok : bad, "scripts", "Lua scripts run");
  }

  asio::awaitable<void> try_messages() {
    const std::string channel = keys_.broadcast_channel();
    const auto client = std::make_shared<redis::Client>(
        session_.strand, redis_options_, "subscription", std::size_t{1} << 20U,
        log_sink(session_.settings), nullptr, keys_.slot());
    const auto received = std::make_shared<bool>(false);
    redis::Client::Events events;
    events.on_message = [received](std::string_view, std::string_view) { *received = true; };
    client->set_events(std::move(events));
    std::exception_ptr error;
    try {
      const TimePoint deadline = Clock::now() + session_.settings.timeout;
      client->open();
      co_await client->wait_ready(deadline);
      co_await client->subscribe(channel, deadline);
      std::vector<std::string> words{std::string(redis::words_of(client->channel_kind()).publish),
                                     channel, "{}"};
      co_await redis_.ask(std::move(words));
      asio::steady_timer timer(session_.strand);
      while (!*received && Clock::now() < deadline) {
        timer.expires_after(milliseconds(5));
        co_await timer.async_wait(asio::use_awaitable);
      }
    } catch (const MeshError&) {
      error = std::current_exception();
    }
    client->close();
    if (error) {
      say(bad, "messages", describe_failure(error).text,
          "nodes need PUBLISH and SUBSCRIBE on their channels: docs/security.md lists their rights"
          "; a user for one prefix only needs --prefix here");
    } else {
      say(*received ? ok : bad, "messages",
          *received ? "what is published is received" : "what is published is not received",
          *received ? "" : "is there a proxy between, or are these two servers?");
    }
  }

  asio::awaitable<void> look_at_buffers() {
    const std::string setting = "client-output-buffer-limit";
    std::vector<std::string> words{"CONFIG", "GET", setting};
    const auto reply = co_await ask(setting, std::move(words), ok, "");
    if (!reply || reply->elements.size() < 2) co_return;
    const std::string& text = reply->elements[1].text;
    const auto begin = text.find("pubsub ");
    const std::string pubsub = begin == std::string::npos ? text : text.substr(begin + 7);
    const double hard = number_in(pubsub);
    constexpr double default_hard = 32.0 * 1024 * 1024;
    const bool is_small = hard > 0 && hard < default_hard;
    say(is_small ? warn : ok, setting + " pubsub", pubsub,
        is_small
            ? "Redis hangs up on nodes that are behind by more than that, and on messages that "
              "are larger: the default is 32mb 8mb 60"
            : "");
  }

  asio::awaitable<void> look_at_cluster() {
    if (redis_options_.cluster.empty()) co_return;
    std::vector<std::string> words{"CLUSTER", "INFO"};
    const auto reply = co_await ask("cluster", std::move(words), warn, "");
    if (!reply) co_return;
    const std::string state = info_field(reply->text, "cluster_state");
    say(state == "ok" ? ok : bad, "cluster",
        "state " + state + ", " + info_field(reply->text, "cluster_size") + " primaries",
        state == "ok" ? "" : "some slots have no primary: see CLUSTER NODES");
  }

  asio::awaitable<void> list_meshes() {
    std::size_t found = 0;
    if (redis_options_.cluster.empty()) {
      found = co_await list_meshes_at(redis_);
    } else {
      const std::vector<std::uint16_t> slots = co_await slots_of_primaries();
      for (const std::uint16_t slot : slots) {
        RedisAccess primary(session_, redis_options_, slot);
        found += co_await list_meshes_at(primary);
      }
    }
    if (found == 0 && !is_list_incomplete_) say(ok, "meshes", "there are none");
  }

  /// One of each.
  asio::awaitable<std::vector<std::uint16_t>> slots_of_primaries() {
    std::vector<std::uint16_t> slots;
    std::vector<std::string> words{"CLUSTER", "SLOTS"};
    const auto reply = co_await ask("cluster", std::move(words), warn, "");
    if (!reply) co_return slots;
    std::set<std::string> primaries;
    for (const redis::Reply& range : reply->elements) {
      if (range.elements.size() < 3 || range.elements[2].elements.size() < 2) continue;
      const redis::Reply& primary = range.elements[2];
      const std::string name =
          primary.elements[0].text + ":" + std::to_string(primary.elements[1].integer);
      const auto slot = static_cast<std::uint16_t>(range.elements[0].integer);
      if (primaries.insert(name).second) slots.push_back(slot);
    }
    co_return slots;
  }

  /// Returns how many there are.
  asio::awaitable<std::size_t> list_meshes_at(RedisAccess& redis) {
    const std::string prefix = redis_options_.prefix.empty() ? "*" : redis_options_.prefix;
    std::size_t described = 0;
    std::set<std::string> found;
    std::string cursor = "0";
    const TimePoint latest = Clock::now() + session_.settings.timeout;
    std::exception_ptr error;
    try {
      co_await redis.connect();
      do {
        std::vector<std::string> words{
            "SCAN", cursor, "MATCH", "*" + prefix + ":mesh:*:heartbeats", "COUNT", "1000"};
        const redis::Reply reply = co_await redis.ask(std::move(words));
        if (reply.elements.size() < 2) break;
        cursor = reply.elements[0].text;
        for (const redis::Reply& name : reply.elements[1].elements) found.insert(name.text);
      } while (cursor != "0" && Clock::now() < latest);
      for (const std::string& heartbeats : found) {
        const bool is_meant = co_await describe_mesh(redis, heartbeats);
        if (is_meant) ++described;
      }
    } catch (const MeshError&) {
      error = std::current_exception();
    }
    is_list_incomplete_ |= error || cursor != "0";
    if (error) {
      say(warn, "meshes", describe_failure(error).text,
          "a user with the right to SCAN can list them");
    } else if (cursor != "0") {
      say(warn, "meshes", "there are too many keys to look at all within --timeout",
          "give a longer --timeout");
    }
    co_return described;
  }

  /// By the name of its heartbeats. False if it is not one that is meant.
  asio::awaitable<bool> describe_mesh(RedisAccess& redis, const std::string& heartbeats) {
    const auto middle = heartbeats.find(":mesh:");
    const auto end = heartbeats.rfind(":heartbeats");
    if (middle == std::string::npos || end < middle + 6) co_return false;
    const auto without_braces = [](std::string text) {
      std::erase_if(text, [](char c) { return c == '{' || c == '}'; });
      return text;
    };
    const std::string prefix = without_braces(heartbeats.substr(0, middle));
    const std::string key = without_braces(heartbeats.substr(middle + 6, end - middle - 6));
    if (!redis_options_.prefix.empty() && prefix != redis_options_.prefix) co_return false;
    std::vector<std::string> words{"ZCARD", heartbeats};
    const redis::Reply nodes = co_await redis.ask(std::move(words));
    const std::string count =
        std::to_string(nodes.integer) + (nodes.integer == 1 ? " node" : " nodes");
    say(ok, "mesh", count + ": --prefix " + prefix + " --key " + key);
    co_return true;
  }

  Session& session_;
  const Report& report_;
  RedisOptions redis_options_;
  core::Keys keys_;
  RedisAccess redis_;
  bool is_list_incomplete_ = false;
};

}  // namespace

asio::awaitable<void> examine(Session& session, const Report& report) {
  Examination examination(session, report);
  co_await examination.run();
}

}  // namespace mesh::ctl
