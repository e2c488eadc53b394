#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <config/key_prefix.hpp>
#include <core/keys.hpp>
#include <core/prepared_options.hpp>
#include <meshctl/command.hpp>
#include <meshctl/redis_access.hpp>
#include <meshctl/terminal.hpp>

namespace mesh::ctl {

namespace {

using std::chrono::milliseconds;
using SystemTime = std::chrono::system_clock::time_point;

/// What Redis knows of an election.
struct Term {
  std::string lock{};  // the key
  std::string holder{};
  milliseconds left{-1};                // of the lock; negative: it does not end by itself
  std::optional<std::int64_t> token{};  // of the last leader in C++
  std::optional<std::int64_t> ends{};   // of a term of C++ nodes, in ms since 1970
  std::int64_t now = 0;                 // by the clock of Redis, in ms since 1970

  bool is_held() const { return !holder.empty(); }
  /// While a node in C++ leads, the note of its term ends with its lock.
  bool is_of_cpp() const {
    constexpr std::int64_t tolerance = 1000;
    return token && ends && std::abs(*ends - (now + left.count())) < tolerance;
  }
  /// The token is the time of the grant, unless clocks were set back since the one before.
  std::optional<SystemTime> since() const {
    if (!is_of_cpp() || *token > now) return std::nullopt;
    return SystemTime(milliseconds(*token));
  }
};

std::optional<std::int64_t> integer_in(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// In one step, so that all of it belongs together.
constexpr const char* read_election =
    "local t = redis.call('TIME') "
    "return {redis.call('GET', KEYS[1]) or '', redis.call('PTTL', KEYS[1]), "
    "redis.call('GET', KEYS[2]) or '', redis.call('GET', KEYS[3]) or '', "
    "t[1] * 1000 + math.floor(t[2] / 1000)}";

// PTTL is no right that nodes have, so where it is refused it goes without.
constexpr const char* read_election_modestly =
    "local t = redis.call('TIME') "
    "return {redis.call('GET', KEYS[1]) or '', -3, "
    "redis.call('GET', KEYS[2]) or '', redis.call('GET', KEYS[3]) or '', "
    "t[1] * 1000 + math.floor(t[2] / 1000)}";

asio::awaitable<Term> ask_term(RedisAccess& redis, const std::string& lock) {
  redis::Reply reply;
  bool is_refused = false;
  std::vector<std::string> words{"EVAL", read_election,           "3",
                                 lock,   lock + ":fencing_token", lock + ":last_term"};
  try {
    reply = co_await redis.ask(words);
  } catch (const MeshRedisError&) {
    is_refused = true;
  }
  if (is_refused) {
    words[1] = read_election_modestly;
    reply = co_await redis.ask(words);
  }
  if (reply.elements.size() != 5) throw MeshRedisError("the answer about the lock is malformed");
  Term term;
  term.lock = lock;
  term.holder = reply.elements[0].text;
  term.left = milliseconds(reply.elements[1].integer);
  term.token = integer_in(reply.elements[2].text);
  const std::string& last_term = reply.elements[3].text;  // run_id time
  const auto space = last_term.find(' ');
  if (space != std::string::npos) term.ends = integer_in(last_term.substr(space + 1));
  term.now = reply.elements[4].integer;
  constexpr std::int64_t refused = -3;
  if (term.left.count() == refused && term.ends) term.left = milliseconds(*term.ends - term.now);
  co_return term;
}

void print_text(const Term& term) {
  print_line("lock:      " + printable(term.lock));
  if (!term.is_held()) {
    print_line("leader:    " + coloured(Colour::yellow, "nobody leads"));
    if (term.ends && *term.ends > term.now) {
      print_line("next:      nobody may lead for another " +
                 age_text(milliseconds(*term.ends - term.now)) +
                 ", as an earlier term may last until then");
    }
    print_line("If nodes say that they lead, their lock has another prefix: give --mutex-prefix.");
    return;
  }
  print_line("leader:    " + coloured(Colour::green, printable(term.holder)));
  if (term.left.count() >= 0) print_line("ends in:   " + age_text(term.left) + ", unless renewed");
  if (term.left.count() == -1) print_line("ends in:   never: it was set by hand");
  if (const auto since = term.since()) {
    const auto age =
        std::chrono::duration_cast<milliseconds>(SystemTime(milliseconds(term.now)) - *since);
    print_line("since:     " + time_text(*since) + ", for " + age_text(age));
    print_line("token:     " + std::to_string(*term.token));
  } else {
    print_line("since:     cannot be told: the leader is in TypeScript, or has just changed");
  }
  print_line(
      "node:      cannot be told: the lock holds a name that is drawn for each start, not an id");
}

void print_json(const Term& term) {
  Json json;
  json["lock"] = term.lock;
  json["held"] = term.is_held();
  if (term.is_held()) {
    json["holder"] = term.holder;
    if (term.left.count() >= 0) json["leftMs"] = term.left.count();
    json["language"] = term.is_of_cpp() ? Json("C++") : Json(nullptr);
    if (const auto since = term.since()) {
      json["since"] = iso_time(*since);
      json["token"] = *term.token;
    }
  } else if (term.ends && *term.ends > term.now) {
    json["barredForMs"] = *term.ends - term.now;
  }
  print_line(to_text(json));
}

asio::awaitable<ExitStatus> show_leader(Session& session, bool as_json) {
  const MeshOptions options = core::prepare_options(session.settings.key, session.options,
                                                    std::make_shared<detail::Gate>());
  const std::string& key = session.settings.key;
  const RedisOptions& place = options.leader_redis ? *options.leader_redis : options.redis;
  const std::string lock =
      options.leader_redis ? config::lock_key(options.redis, *options.leader_redis, "mesh:" + key)
                           : core::Keys(options.redis, key).leader_lock();
  RedisAccess redis(session, place, redis::slot_of(lock));
  co_await redis.connect();
  const Term term = co_await ask_term(redis, lock);
  as_json ? print_json(term) : print_text(term);
  co_return term.is_held() ? ExitStatus::ok : ExitStatus::unreachable;
}

}  // namespace

void add_leader(Program& program) {
  const auto as_json = std::make_shared<bool>(false);
  CLI::App& command = program.add(
      "leader", "Tells who leads the mesh, since when, and for how long. Status 2: nobody does.",
      "  meshctl leader\n"
      "  meshctl leader --json | jq .leftMs\n",
      [&settings = program.settings, as_json] {
        return run_beside_mesh(settings, mesh_options(settings), [as_json](Session& session) {
          return show_leader(session, *as_json);
        });
      });
  command.add_flag("--json", *as_json, "One object");
}

}  // namespace mesh::ctl
