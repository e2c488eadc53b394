#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <mesh/headers.hpp>
#include <mesh/log.hpp>
#include <mesh/node.hpp>
#include <mesh/route.hpp>

namespace mesh {

class Interceptor;

struct RedisOptions;
class CallContext;

namespace detail {

struct EnvironmentProblem {
  std::string setting;  // a variable's name behind REDIS_
  std::string text;
};

/// A variable that was read, and what it said.
template <typename Value>
struct ReadVariable {
  std::string name;
  Value value{};
};

/// Where an address came from, as far as that was the environment. The program may have replaced
/// it since.
struct AddressOrigin {
  std::string environment;  // such as "MESH"; empty: it was not read
  ReadVariable<std::string> host, unix_socket, sentinel_host, cluster;
  ReadVariable<std::uint16_t> port;
};

/// Such as "from MESH_REDIS_URL" or "the default; set RedisOptions::host".
std::string describe_origin(const RedisOptions& options);

/// Whether `leader` is what generic variables beside the mesh's made the default, while the program
/// has given the mesh another address than the environment did, or the mesh is on a cluster, where
/// no TypeScript node looks for the election by them.
bool is_outdated_election(const RedisOptions& leader, const RedisOptions& mesh);

struct NameOrigin;

}  // namespace detail

/// Who asks for credentials.
enum class RedisPeer { redis, sentinel };

/// For AUTH; without a user name that of the default user, without a password none at all.
struct RedisCredentials {
  std::string username{};
  std::string password{};
};

/// Where a server can be reached.
struct RedisAddress {
  std::string host{};  ///< Name or address.
  std::uint16_t port = 0;
};

/// Where Redis is and how to talk to it.
///
/// Default-constructed options mean 127.0.0.1:6379; `from_env()` reads the environment. Fields set
/// afterwards override what the environment said.
struct RedisOptions {
  RedisOptions() = default;

  std::string host = "127.0.0.1";  ///< Name or address; ignored with `unix_socket` or Sentinel.
  std::uint16_t port = 6379;
  std::string unix_socket;  ///< Path of a unix socket; wins over `host` when not empty.
  std::string username;     ///< ACL user; empty for the default user.
  std::string password;     ///< Empty means no AUTH. Never logged.
  /// Set: asked at each attempt to connect, so that passwords can be changed while the service
  /// runs; the fields for user and password, those for Sentinel included, are ignored then. It runs
  /// where the connections do (see `MeshOptions::protocol_executor`), possibly in several threads
  /// at a time, and must not block. What it throws counts as an attempt that failed and is logged.
  /// Connections that are open stay as they are.
  std::function<RedisCredentials(RedisPeer peer)> credentials{};
  int database = 0;  ///< Selected with SELECT when not 0. Pub/sub channels ignore it.

  /// True: TLS 1.2 or newer on every connection, those to Sentinel included; not with
  /// `unix_socket`.
  bool tls = false;
  std::string tls_ca;  ///< PEM file of trusted authorities; empty: those of the system.
  std::string
      tls_cert;         ///< PEM file with the own certificate, and its chain; empty: none is shown.
  std::string tls_key;  ///< PEM file with the key of `tls_cert`; both or neither are set.
  /// Sent as SNI and expected in the server's certificate; empty: the host that is connected to,
  /// which may be an IP address.
  std::string tls_server_name;
  /// False: any certificate of any server is taken, so anyone on the way can read and change
  /// everything. For tests only.
  bool tls_verify = true;

  /// Not empty: ask Sentinel for the master's address. One Sentinel or several separated by commas,
  /// such as "one,two:26380,[::1]:26379"; they are asked in turn until one knows.
  std::string sentinel_host;
  std::uint16_t sentinel_port = 26379;     ///< Of Sentinels that are named without a port.
  std::string sentinel_name = "mymaster";  ///< Name of the master as Sentinel knows it.
  std::string sentinel_username;           ///< ACL user at Sentinel; empty for the default user.
  std::string sentinel_password;           ///< Empty means no AUTH at Sentinel. Never logged.

  /// Not empty: Redis is a cluster, of version 7.0 or later, of which this names one node or
  /// several separated by commas, such as "one,two:7001,[::1]:7002", with port 6379 unless they say
  /// otherwise. They are asked in turn for the others, and `host`, `port` and `unix_socket` are
  /// ignored. Not with Sentinel, nor with a `database` other than 0. Keys and channels have other
  /// names there, see docs/protocol.md, so a mesh has no TypeScript nodes; prefixes and keys of
  /// meshes and elections may have no braces.
  std::string cluster;
  /// Set: asked where a node of the cluster can be reached that the cluster names so, as behind
  /// address translation it may be elsewhere; those that `cluster` names are not asked about. For
  /// the rest as `credentials`.
  std::function<RedisAddress(RedisAddress announced)> cluster_address{};

  /// Last fallback of both prefixes; empty: the executable's name, of which a start warns, since
  /// programs of different names then do not meet.
  std::string application_name;
  std::string prefix;        ///< Key prefix of meshes; empty: the application name.
  std::string mutex_prefix;  ///< Key prefix of leader locks; empty: the application name.

  std::chrono::milliseconds connect_timeout{5000};  ///< Name lookup to first reply, at least 1 ms.
  std::chrono::milliseconds reconnect_min_delay{50};
  std::chrono::milliseconds reconnect_max_delay{5000};
  /// A connection silent for 5/4 to 11/8 of this is sent a PING, and given up if it stays silent up
  /// to twice this.
  std::chrono::milliseconds health_check_interval{5000};

  /// Reads `{name}_REDIS_X` for each setting X, falling back to `REDIS_X`; an empty variable counts
  /// as not set. X is one of URL, HOST, PORT, USERNAME, PASSWORD, DB, TLS, TLS_CA, TLS_CERT,
  /// TLS_KEY, PREFIX, SENTINEL_HOST, SENTINEL_PORT, SENTINEL_NAME, SENTINEL_USERNAME,
  /// SENTINEL_PASSWORD, CLUSTER, the last one without falling back. URL is
  /// redis://[[user]:password@]host[:port][/db], or
  /// redis+cluster://[[user]:password@]host[:port],host[:port]..., the same with rediss for TLS, or
  /// unix://[[user]:password@]/path[?db=N]. A variable for one setting wins over it;
  /// `{name}_REDIS_URL` wins over all variables without `{name}_` that are about the address or
  /// the login. PORT may also be tcp://host:port, as Kubernetes and Docker write it for a service
  /// called redis; then every other variable that names an address wins over its host.
  /// `mutex_prefix` is `MUTEX_REDIS_PREFIX`, then `REDIS_PREFIX`, then the application name.
  /// Throws `std::invalid_argument` naming the variable and what was expected.
  static RedisOptions from_env(std::string_view name, std::string application_name = {});

  /// Throws `std::invalid_argument` naming the first option that is out of range.
  void validate() const;

 private:
  friend struct MeshOptions;
  friend std::string detail::describe_origin(const RedisOptions& options);
  friend bool detail::is_outdated_election(const RedisOptions& leader, const RedisOptions& mesh);
  friend struct detail::NameOrigin;

  /// Like `from_env()`, but what is malformed is left to `validate()`: the program may yet replace
  /// it. The field gets a value out of range where it has one.
  static RedisOptions read_env(std::string_view name, std::string application_name = {});

  /// The default of `MeshOptions::leader_redis`.
  static std::optional<RedisOptions> read_leader_env();

  const detail::EnvironmentProblem* find_problem(std::string_view setting) const;
  void refuse_problem(std::string_view setting) const;

  std::vector<detail::EnvironmentProblem> problems_;
  detail::AddressOrigin origin_;
  bool is_implied_ = false;   // by generic variables, as the Redis of an election
  std::string guessed_name_;  // `application_name`, where nobody gave one
};

/// Tuning of a leader election.
struct LeaderOptions {
  std::chrono::milliseconds ttl{30000};               ///< How long a lock lives without renewal.
  std::chrono::milliseconds renewal_interval{10000};  ///< How often the leader renews; below `ttl`.
  std::chrono::milliseconds retry_delay{5000};        ///< How often a follower tries to take over.

  /// Whether nobody is elected before an earlier term has ended for certain, even if its lock is
  /// gone: deleted, evicted, or lost in a flush, restart or failover of Redis. The leader learns of
  /// that at its next renewal only, and without this wait there can be two until then. On a Redis
  /// that has never seen an election the first one takes one `ttl`, as it cannot tell a new mesh
  /// from one that has just moved there; a warning says until when. Give all processes the same
  /// `ttl`.
  bool wait_after_data_loss = true;

  /// Throws `std::invalid_argument` naming the first option that is out of range.
  void validate() const;
};

/// Bounds that keep one node from being overrun. All but `queued_handlers` must be at least 1.
struct MeshLimits {
  std::size_t message_size = std::size_t{16} << 20U;  ///< Bytes of one message, either direction.
  std::size_t nesting_depth = 64;                     ///< Levels in one message, itself being one.
  std::size_t pending_calls = 65536;                  ///< Own calls that wait for an answer.
  std::size_t concurrent_handlers = 4096;             ///< Handlers running for others.
  std::size_t queued_handlers = 4096;  ///< Requests that wait for those, then are refused.
  /// How long a request may wait for those, while heartbeats keep its caller's timeout from
  /// expiring; then it is refused as well.
  std::chrono::milliseconds queued_time{30000};
  std::size_t remembered_requests = 16384;  ///< Answered ones, of which none runs twice.
  std::size_t remembered_bytes = std::size_t{4} << 20U;  ///< Answers kept for repeated requests.
  std::size_t queued_bytes = std::size_t{64}
                             << 20U;  ///< Waiting for Redis, in each of several queues.
};

/// Tuning of a `MeshService`. Fields are set in a variable: it is no aggregate, because some
/// compilers destroy a temporary aggregate in an expression that contains `co_await` twice.
struct MeshOptions {
  MeshOptions() = default;

  std::chrono::milliseconds heartbeat_interval{5000};  ///< How often a node says it is alive.
  std::chrono::milliseconds node_ttl{15000};  ///< Silence after which the leader removes a node.
  std::chrono::milliseconds request_timeout{10000};  ///< Default timeout of remote calls.
  /// How long `start()` goes on trying where Redis cannot be reached, or refuses something; then it
  /// throws the last reason. If it has connected by then, joining may take
  /// `RedisOptions::connect_timeout` more. 0: it throws when the first attempt fails.
  std::chrono::milliseconds start_timeout{0};
  std::chrono::milliseconds stop_timeout{5000};  ///< Upper bound of `stop()`, 1 ms or more.
  /// How long `stop()` lets running handlers go on before it cancels them, if it is not told
  /// otherwise; part of `stop_timeout`, and never more than half of it. 0: cancels them at once.
  std::chrono::milliseconds drain_timeout{1000};
  LeaderOptions leader{};
  /// False: this node does not take part in the election, so it never leads, cleans up after
  /// nobody, and is told of no node that was removed. For tools that come and go, which would take
  /// these reports from those who wait for them.
  bool can_lead = true;
  /// As `from_env("MESH")` reads it, but a malformed variable throws in `validate()`, which the
  /// service calls, and only if what it is for was not set to something else meanwhile.
  RedisOptions redis = RedisOptions::read_env("MESH");
  /// Where the leader is elected; nothing: on the Redis of the mesh, as also where both are the
  /// same server and database. Its `mutex_prefix` is that of `redis` unless set. The default is
  /// what a TypeScript node would use, which reads `MUTEX_REDIS_X`, then `REDIS_X`. It is set if
  /// `MUTEX_REDIS_` URL, HOST, PORT or SENTINEL_HOST is. Otherwise generic variables set it only
  /// where they lead to another server than the mesh's: `REDIS_HOST` or `REDIS_SENTINEL_HOST`
  /// beside `MESH_REDIS_` URL, HOST or SENTINEL_HOST, and without any of these three a `REDIS_`
  /// PORT, SENTINEL_PORT or SENTINEL_NAME that differs from the same with `MESH_REDIS_`; what they
  /// say must make sense, and does not count once the program has set another address in `redis`. A
  /// third connection goes there. Login, credentials, TLS and timeouts are its own as well, from
  /// the same variables as its address: those of `redis` do not apply to it, so a program that sets
  /// them sets both.
  std::optional<RedisOptions> leader_redis = RedisOptions::read_leader_env();
  MeshLimits limits{};
  /// Where connections, timers and the election run. Empty: on the executor of the service, whose
  /// threads handlers must then not block. With one of its own, for which one thread is enough,
  /// handlers and callbacks may block each thread of theirs while heartbeats, the lease and answers
  /// go on. The log sink and `RedisOptions::credentials` are called there.
  ///
  /// Both contexts must run while the service does; if only this one runs, the node is there and
  /// its callers wait, and if only the other one runs, nothing ever completes. A running service
  /// keeps `run()` of both from returning. Both contexts must outlive the service, and this one
  /// must be destroyed after the other: declare it first. What a destroyed service leaves is
  /// destroyed on this one, after `stop()` too, and needs the other one. So destroy the service,
  /// then let this one run out of work, and only then destroy the other: with `join()` of a pool,
  /// or until `run()` returns, rather than with `stop()` of a context. Until then `join()` and
  /// `run()` of the other one do not return. Where a handler outlived `stop()`, let that one run
  /// out, too.
  boost::asio::any_io_executor protocol_executor{};
  /// Are told of each call that this node makes and of each handler that it runs, in this order.
  /// None may be null.
  std::vector<std::shared_ptr<Interceptor>> interceptors{};
  /// What this node says of itself to the others: see `MeshService::get_node_infos()`.
  ServiceInfo info{};
  std::string hostname;  ///< What this node registers as; empty: the machine's host name.
  LogSink log = stderr_log_sink();

  /// Throws `std::invalid_argument` naming the first option that is out of range.
  void validate() const;
};

/// Options of one call. Trivially destructible on purpose: see `MeshService::invoke()`.
struct InvokeOptions {
  /// Time without an answer or a heartbeat after which the call fails; 0 takes
  /// `MeshOptions::request_timeout`. Negative values throw `std::invalid_argument`.
  std::chrono::milliseconds timeout{0};
  /// Bounds the call in total, whatever heartbeats say; 0: it is not bounded. Then it fails with
  /// `MeshDeadlineError`, and its handler is cancelled. Negative values throw
  /// `std::invalid_argument`. A call to the own node is only told of it.
  std::chrono::milliseconds deadline{0};
  /// What the handler gets beside the request; read before the call returns.
  const Headers* headers = nullptr;
  /// The call on whose behalf this one is made; read before the call returns. Then what is left of
  /// its deadline bounds this one as well, its `trace()` and its header "baggage" go along unless
  /// `headers` has its own, and this one is cancelled with it. A handler of the own node learns of
  /// that by `CallContext::is_cancelled()` only.
  const CallContext* parent = nullptr;
};

/// Options of `MeshService::invoke_any()`. Trivially destructible on purpose, as `InvokeOptions`.
struct AnyOptions {
  std::chrono::milliseconds timeout{0};   ///< As in `InvokeOptions`, anew for each attempt.
  std::chrono::milliseconds deadline{0};  ///< As in `InvokeOptions`; for all attempts together.
  const Headers* headers = nullptr;       ///< As in `InvokeOptions`.
  const CallContext* parent = nullptr;    ///< As in `InvokeOptions`.
  Route route = Route::round_robin();     ///< Which node is called.
  /// How many nodes are called at most: another one only where `MeshError::executed()` of what the
  /// call of the one before ended in is `no`. At least 1.
  int attempts = 3;
  bool skip_self = false;  ///< True: this node is not called, even if it has a handler.
  /// True: where no node serves the message, one is waited for within `timeout` and `deadline`.
  bool wait_for_node = false;
};

/// Options of `MeshService::invoke_all()`. Trivially destructible on purpose, as `InvokeOptions`.
struct AllOptions {
  std::chrono::milliseconds timeout{0};   ///< As in `InvokeOptions`, of each call.
  std::chrono::milliseconds deadline{0};  ///< As in `InvokeOptions`; for all calls together.
  const Headers* headers = nullptr;       ///< As in `InvokeOptions`.
  const CallContext* parent = nullptr;    ///< As in `InvokeOptions`.
  /// After so many responses the other calls are given up; 0: never.
  std::size_t enough = 0;
  NodeFilter nodes{};      ///< Only these are called.
  bool skip_self = false;  ///< True: this node is not called, even if it has a handler.
};

/// Options of `MeshService::stop()`.
struct StopOptions {
  /// How long handlers that are running may go on before they are cancelled; new requests are
  /// refused meanwhile. 0 cancels them at once; if it is not set, `MeshOptions::drain_timeout`
  /// tells. Negative values throw `std::invalid_argument`.
  std::optional<std::chrono::milliseconds> drain_timeout{};
};

/// Options of one broadcast.
struct BroadcastOptions {
  bool skip_self = false;  ///< True: this node's own handler is not called.
};

}  // namespace mesh
