#pragma once

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <mesh/call_context.hpp>
#include <mesh/detail/abi.hpp>
#include <mesh/detail/call.hpp>
#include <mesh/detail/core_handle.hpp>
#include <mesh/detail/fixed_string.hpp>
#include <mesh/detail/handler.hpp>
#include <mesh/detail/misuse.hpp>
#include <mesh/detail/payload.hpp>
#include <mesh/detail/prepare_call.hpp>
#include <mesh/detail/raw_handler.hpp>
#include <mesh/detail/unsafe_temporary.hpp>
#include <mesh/detail/void_operation.hpp>
#include <mesh/errors.hpp>
#include <mesh/group_calls.hpp>
#include <mesh/leader_service.hpp>
#include <mesh/message_map.hpp>
#include <mesh/node.hpp>
#include <mesh/options.hpp>
#include <mesh/stats.hpp>

namespace mesh {

/// One node of a mesh: it can be called by the other nodes and can call them.
///
/// `Messages` is a `MessageMap`, `Broadcasts` a `BroadcastMap`. All services with the same key and
/// Redis prefix form one mesh, whatever their maps say; different keys are independent.
///
/// Threads: every member may be called from any thread. Handlers and callbacks run on the executor
/// given to the constructor, several at a time if it has several threads; give a strand to have
/// one at a time. Handlers must not block all its threads for longer than half of
/// `health_check_interval`, unless the protocol has an executor of its own: see
/// `MeshOptions::protocol_executor`.
///
/// The context behind the executor must outlive the service, as for everything in Asio.
///
/// Asynchronous members take a trailing completion token, by default `use_awaitable`, complete on
/// the caller's executor and honour its cancellation slot: a cancelled operation throws
/// `boost::system::system_error` with `operation_aborted`.
///
/// Destroying a running service is safe but abrupt: pending calls fail with `MeshStoppedError`,
/// running handlers are cancelled but not waited for, and the node's registration is left for the
/// leader to clean up. No handler or callback begins, and no line is logged, after the destructor
/// has returned; a coroutine that has begun goes on until it reacts to its cancellation. Where the
/// executors have several threads, what another one was just about to begin counts as begun:
/// destroy what handlers and the log sink refer to after these threads have ended, or prefer
/// `co_await stop()`.
template <typename Messages, typename Broadcasts = BroadcastMap<>>
class MeshService : public GroupCalls<MeshService<Messages, Broadcasts>, Messages>,
                    detail::UnknownNames<Messages, Broadcasts>,
                    detail::MissingOptions<Messages, Broadcasts>,
                    detail::NamesOfRunTime {
  friend class GroupCalls<MeshService, Messages>;
  using ToGroups = GroupCalls<MeshService, Messages>;
  template <detail::FixedString Name>
  using MessageOf = typename Messages::template find<Name>;
  template <detail::FixedString Name>
  using BroadcastOf = typename Broadcasts::template find<Name>;

  template <detail::FixedString Name>
  using Checked = detail::MessageTypes<MessageOf<Name>>;
  template <detail::FixedString Name>
  using CheckedBroadcast = detail::BroadcastTypes<BroadcastOf<Name>>;
  // For errors that name what is wrong.
  using UnknownNames = detail::UnknownNames<Messages, Broadcasts>;
  using MissingOptions = detail::MissingOptions<Messages, Broadcasts>;

 public:
  /// Uses the default options, and so the Redis that the environment names. Does no I/O. Throws
  /// `std::invalid_argument` for an empty key or a malformed variable.
  MeshService(boost::asio::any_io_executor executor, const std::string& key)
      : core_(std::move(executor), key, MeshOptions{}) {
    detail::require_the_librarys_settings();
  }

  /// Does no I/O. Throws `std::invalid_argument` for an empty key or wrong options.
  MeshService(boost::asio::any_io_executor executor, const std::string& key,
              const MeshOptions& options)
      : core_(std::move(executor), key, options) {
    detail::require_the_librarys_settings();
  }

  MeshService(const MeshService&) = delete;
  MeshService& operator=(const MeshService&) = delete;

  /// This node's id; 0 before `start()` has completed and after `stop()`. It stays the same while
  /// the node runs, except as told at `set_reregistered_callback()`.
  InstanceId instance_id() const noexcept { return core_.instance_id(); }

  /// The election that decides which node cleans up. Use it to ask `is_leader()` and to set its
  /// callbacks; the mesh starts and stops it, so its `start()` and `stop()` throw
  /// `std::logic_error`.
  LeaderService& leader() noexcept { return core_.leader(); }

  /// What this service has counted so far, and how it is. Cheap enough to be asked each second:
  /// some microseconds for each type of message that has been used. Another node gets the same by
  /// `invoke_raw(instance_id, "$mesh.stats", "null")`, as JSON.
  MeshStats stats() const { return core_.stats(); }

  /// Whether this node runs and all its connections are there: those to Redis, or on a cluster
  /// those to the primaries of the registry and of the node's own channel. If not, calls wait. A
  /// connection that has died without a word counts as there until `health_check_interval` shows
  /// it. A connection for the election alone does not count.
  bool is_connected() const noexcept { return core_.is_connected(); }

  /// Sets the function that answers requests called `Name`, before or after `start()`, replacing
  /// an earlier one; calls already running finish with the old one.
  ///
  /// The function takes the request (nothing if it is `void`), and a `CallContext&` before it if it
  /// wants to know of the call, and returns the response or an `asio::awaitable` of it. What it
  /// throws reaches a remote caller as `MeshHandlerError` with the exception's `what()`, and a
  /// local caller as the exception itself. While it runs, the caller is sent a heartbeat every 0.75
  /// × the caller's timeout. `stop()` cancels it.
  template <detail::FixedString Name, typename Function>
  requires(!std::is_void_v<MessageOf<Name>>) void register_handler(Function function) {
    using Request = typename Checked<Name>::request;
    using Response = typename Checked<Name>::response;
    static_assert(detail::RequestFunction<Function, Request, Response>,
                  "the handler must take the message's request type, or a mesh::CallContext& and "
                  "that, and return its response type or an awaitable of it");
    core_.set_handler(MessageOf<Name>::name,
                      std::make_shared<detail::FunctionHandler<Function, Request, Response>>(
                          MessageOf<Name>::name, std::move(function)));
  }

  using UnknownNames::register_handler;

  /// The same for a name that is known at run time only, as `(CallContext&, std::string_view json)`
  /// to a `std::string`, or an awaitable of it: both texts are one JSON value each. `json` lives
  /// until the handler ends. Throws `std::invalid_argument` for an empty name, and for one that
  /// begins with `$`: those are reserved. A response that is not JSON reaches the caller as the
  /// error of a handler.
  template <detail::RawFunction Function>
  void register_handler(std::string_view name, Function function) {
    core_.set_raw_handler(name,
                          std::make_shared<detail::RawHandler<Function>>(std::move(function)));
  }

  /// Sets the function that answers requests under every name that has no handler and does not
  /// begin with `$`, such as for a gateway. `CallContext::type()` tells the name.
  template <detail::RawFunction Function>
  void register_fallback_handler(Function function) {
    core_.set_fallback_handler(std::make_shared<detail::RawHandler<Function>>(std::move(function)));
  }

  /// Removes the handler `Name`, if there is one: callers then get a `MeshNoHandlerError`, unless
  /// there is a fallback handler. Calls already running finish.
  template <detail::FixedString Name>
  requires(!std::is_void_v<MessageOf<Name>>) void unregister_handler() {
    core_.remove_handler(MessageOf<Name>::name);
  }
  void unregister_handler(std::string_view name) { core_.remove_handler(name); }

  /// Calls the handler `Name` of a node and completes with its response.
  ///
  /// With this node's own id the handler is called directly: nothing is serialized, there is no
  /// timeout, and its exceptions come through unchanged. Such a call is the caller's own: `stop()`
  /// neither ends it nor waits for it; it begins after this function has returned. Otherwise the
  /// timeout starts anew with each heartbeat of the remote handler, so long work does not time out.
  /// While Redis is unreachable the call waits within its timeout; if it could not be sent by then,
  /// it throws `MeshConnectionError`, and its handler has certainly not run. A request or response
  /// that was lost with a connection is sent again, if the target is a C++ node; its handler still
  /// runs at most once.
  ///
  /// Throws `MeshRequestTimeoutError`, `MeshNodeUnreachableError` (if nobody listens under that
  /// id: at once, or after 1 s if the node is registered, as it may be resubscribing, or after
  /// `reconnect_max_delay` if this node itself has just come back), `MeshHandlerError`,
  /// `MeshNoHandlerError`, `MeshDecodeError` (the response does not fit, or is no JSON),
  /// `MeshEncodeError`, `MeshLimitError`, `MeshRedisError` (such as a missing permission),
  /// `MeshRefusedError` (the node did not run the handler), `MeshDeadlineError`,
  /// `MeshNotRunningError`, `MeshStoppedError`; `std::invalid_argument` for a timeout or deadline
  /// that is negative or over a year, and for a header's name that is empty or has control
  /// characters. `MeshError::executed()` of what it throws says whether the handler ran.
  ///
  /// The request is read before the function returns. Name it in a variable: some compilers
  /// destroy a temporary aggregate in a `co_await` expression twice, so on those a temporary does
  /// not compile here.
  template <detail::FixedString Name, typename CompletionToken = boost::asio::use_awaitable_t<>>
  requires(!std::is_void_v<typename Checked<Name>::request>) auto invoke(
      InstanceId instance_id, const detail::Boxed<typename Checked<Name>::request>& request,
      InvokeOptions options = {}, CompletionToken&& token = {}) {
    return start_call<Name, CompletionToken>(instance_id, request, options, token);
  }

  /// The same for a temporary request.
  template <detail::FixedString Name, typename CompletionToken = boost::asio::use_awaitable_t<>>
  requires(!std::is_void_v<typename Checked<Name>::request>) auto invoke(
      InstanceId instance_id, detail::Boxed<typename Checked<Name>::request>&& request,
      InvokeOptions options = {}, CompletionToken&& token = {}) {
    static_assert(!detail::is_unsafe_temporary<typename Checked<Name>::request>,
                  "this compiler destroys a temporary aggregate in a co_await expression twice: "
                  "name the request in a variable and pass that");
    return start_call<Name, CompletionToken>(instance_id, std::move(request), options, token);
  }

  /// The same for a message without a request payload.
  template <detail::FixedString Name, typename CompletionToken = boost::asio::use_awaitable_t<>>
  requires(std::is_void_v<typename Checked<Name>::request>) auto invoke(
      InstanceId instance_id, InvokeOptions options = {}, CompletionToken&& token = {}) {
    return start_call<Name, CompletionToken>(instance_id, detail::Boxed<void>{}, options, token);
  }

  /// Calls a handler whose name and types are known at run time only, with one JSON value, and
  /// completes with that of the response. Otherwise as `invoke()`; throws `MeshEncodeError` if
  /// `json` is not one JSON value.
  template <typename CompletionToken = boost::asio::use_awaitable_t<>>
  auto invoke_raw(InstanceId instance_id, std::string_view name, const std::string& json,
                  InvokeOptions options = {}, CompletionToken&& token = {}) {
    auto owner = std::make_shared<const std::string>(name);
    const std::string_view type = *owner;
    return begin_call<detail::RawJson, detail::RawJson, CompletionToken>(
        instance_id, type, std::move(owner), json, options, token);
  }

  using MissingOptions::invoke;
  using NamesOfRunTime::invoke;
  using UnknownNames::invoke;

  using ToGroups::invoke_any;
  using UnknownNames::invoke_any;

  using ToGroups::invoke_all;
  using UnknownNames::invoke_all;

  /// Joins the mesh: connects, takes an id, subscribes, registers, and enters the election.
  ///
  /// Throws `MeshAlreadyRunningError`, `MeshConnectionError` (Redis cannot be reached within
  /// `connect_timeout` or `MeshOptions::start_timeout`), `MeshRedisError` (Redis refuses a
  /// command), `MeshStoppedError`. After a failure or a cancellation the service is as before and
  /// can be started again.
  template <typename CompletionToken = boost::asio::use_awaitable_t<>>
  auto start(CompletionToken&& token = {}) {
    return detail::initiate<CompletionToken>(
        [core = core_.core()](detail::VoidCompletion completion) {
          detail::start_core(core, std::move(completion));
        },
        token);
  }

  /// Leaves the mesh: lets running handlers finish and answers arrive for at most
  /// `MeshOptions::drain_timeout`, while new requests are refused with an error and the node is no
  /// longer listed; then fails pending calls with `MeshStoppedError`, cancels the handlers that
  /// still run (their remote callers get an error) and waits for them, gives up leadership, removes
  /// the registration and disconnects. Where no handler runs for others and no answer is still on
  /// its way, nothing is waited for. Returns within `MeshOptions::stop_timeout` even when Redis is
  /// gone or a handler does not react. Never throws for lost connections, does nothing if not
  /// started, and may be called several times. Not cancellable. Do not await it in a handler or
  /// callback of the same service, which it waits for: it would take all of `stop_timeout`.
  template <typename CompletionToken = boost::asio::use_awaitable_t<>>
  auto stop(CompletionToken&& token = {}) {
    return stop(StopOptions{}, std::forward<CompletionToken>(token));
  }

  /// The same with another time for running handlers, in which they may go on, call other nodes and
  /// answer. `stop_timeout` begins after that. Another `stop()` meanwhile may shorten the drain.
  /// Throws `std::invalid_argument` for a `drain_timeout` that is negative or longer than a year.
  template <typename CompletionToken = boost::asio::use_awaitable_t<>>
  auto stop(StopOptions options, CompletionToken&& token = {}) {
    detail::check_timeout("StopOptions::drain_timeout",
                          options.drain_timeout.value_or(std::chrono::milliseconds::zero()));
    return detail::initiate<CompletionToken>(
        [core = core_.core(), options](detail::VoidCompletion completion) {
          detail::stop_core(core, options, std::move(completion));
        },
        token);
  }

  /// Completes with the live nodes, this one included, in ascending order of their ids. Of more
  /// than 5,000, those that come or go meanwhile may be listed or not.
  /// Throws `MeshNotRunningError`, `MeshConnectionError`, `MeshRedisError`, `MeshLimitError`,
  /// `MeshStoppedError`.
  template <typename CompletionToken = boost::asio::use_awaitable_t<>>
  auto get_nodes(CompletionToken&& token = {}) {
    return boost::asio::async_initiate<CompletionToken,
                                       void(std::exception_ptr, std::vector<MeshNode>)>(
        [core = core_.core()](auto handler) { detail::list_nodes(core, std::move(handler)); },
        token);
  }

  /// The same with what the nodes say of themselves: see `NodeInfo`.
  template <typename CompletionToken = boost::asio::use_awaitable_t<>>
  auto get_node_infos(CompletionToken&& token = {}) {
    return boost::asio::async_initiate<CompletionToken,
                                       void(std::exception_ptr, std::vector<NodeInfo>)>(
        [core = core_.core()](auto handler) { detail::list_node_infos(core, std::move(handler)); },
        token);
  }

  /// Sets what is called, plainly or as a coroutine, with the id of each node that was removed by
  /// the leader because it had stopped its heartbeats. Called on the leader, once per removed node,
  /// one at a time; what it throws is logged. If the leader dies, or is frozen for longer than
  /// `node_ttl`, before the callback has completed, the next one calls it, so in that case it may
  /// run twice. A node that stops in good order is not reported.
  template <detail::VoidCallback<InstanceId> Function>
  void set_node_cleaned_up_callback(Function callback) {
    core_.set_cleaned_up_callback(detail::make_async_callback<InstanceId>(std::move(callback)));
  }

  /// Sets what is called after this node found that it had been removed while alive (it was frozen
  /// for longer than `node_ttl`, or Redis lost its data) and has registered again: under its id or,
  /// if another node had got that meanwhile, under a new one. See `instance_id()`.
  template <detail::VoidCallback<> Function>
  void set_reregistered_callback(Function callback) {
    core_.set_reregistered_callback(detail::make_async_callback<>(std::move(callback)));
  }

  /// Sets what is called, plainly or as a coroutine, with false when a running node has lost one of
  /// the connections that `is_connected()` is about, and with true when all are back: in this
  /// order, one at a time, together with the other callbacks; what it throws is logged. So it may
  /// hear of a state that has passed: `is_connected()` tells the present one. It is not called for
  /// the first connections, of `start()`, nor when the node stops. Before or after `start()`,
  /// replacing an earlier one; an empty one is never called.
  template <detail::VoidCallback<bool> Function>
  void set_connection_callback(Function callback) {
    core_.set_connection_callback(detail::make_async_callback<bool>(std::move(callback)));
  }

  /// Sets what is called, plainly or as a coroutine, with a `NodeChange` and the `MeshNode` of
  /// every other node: first for those that are there, then for each that joins or leaves, one at a
  /// time and in order; what it throws is logged. An empty one ends the watch. Announced by the
  /// nodes themselves, so known after a round trip. What was not announced is noticed at a
  /// heartbeat of this node: another one in TypeScript joins or leaves within a
  /// `heartbeat_interval`, and one that died leaves within `node_ttl` and a `heartbeat_interval`
  /// after its last heartbeat, whoever leads. After a reconnect, or a loss of data in Redis, nodes
  /// get `heartbeat_interval` and `reconnect_max_delay` to come back before they count as gone. A
  /// node in TypeScript that has gone again within a `heartbeat_interval` is not told. The list is
  /// read once, and where it has changed without an announcement. Before or after `start()`,
  /// replacing an earlier one.
  template <detail::VoidCallback<NodeChange, MeshNode> Function>
  void watch_nodes(Function callback) {
    core_.watch_nodes(detail::make_async_callback<NodeChange, MeshNode>(std::move(callback)));
  }

  /// Sets the function that receives broadcasts called `Name`, replacing an earlier one. It takes
  /// the payload (nothing if it is `void`) and, if it wants, the sender's id, plainly or as a
  /// coroutine; what it throws is logged. For broadcasts of one sender and type it is begun in the
  /// order in which they were sent, so a plain one is done with each before the next, on a pool of
  /// threads as well; those of others it may get at the same time.
  template <detail::FixedString Name, typename Function>
  requires(!std::is_void_v<BroadcastOf<Name>>) void register_broadcast_handler(Function function) {
    using Payload = typename CheckedBroadcast<Name>::payload;
    static_assert(detail::BroadcastFunction<Function, Payload>,
                  "the handler must take the broadcast's payload type and, optionally, the "
                  "sender's InstanceId");
    core_.set_broadcast_handler(
        BroadcastOf<Name>::name,
        std::make_shared<detail::FunctionBroadcastHandler<Function, Payload>>(
            BroadcastOf<Name>::name, std::move(function)));
  }

  /// Sets the function that receives every broadcast whose name has no handler and does not begin
  /// with `$`, replacing an earlier one, as `(std::string_view name, std::string_view json,
  /// InstanceId sender)`, plainly or as a coroutine. `json` is one JSON value; both texts live
  /// until the function ends. For the rest as `register_broadcast_handler()`.
  template <detail::RawBroadcastFunction Function>
  void register_fallback_broadcast_handler(Function function) {
    core_.set_fallback_broadcast_handler(
        std::make_shared<detail::RawBroadcastHandler<Function>>(std::move(function)));
  }

  using NamesOfRunTime::register_broadcast_handler;
  using UnknownNames::register_broadcast_handler;

  /// Sends to every node of the mesh and, unless `skip_self`, calls this node's own handler
  /// without a round trip. Completes when Redis has accepted the message; delivery is at most
  /// once, and a node that is reconnecting misses it. Waits up to `request_timeout` for a lost
  /// connection. Throws `MeshNotRunningError`, `MeshConnectionError`, `MeshRedisError`,
  /// `MeshEncodeError`, `MeshLimitError`, `MeshStoppedError`. Name the payload in a variable, as
  /// for `invoke()`.
  template <detail::FixedString Name, typename CompletionToken = boost::asio::use_awaitable_t<>>
  requires(!std::is_void_v<typename CheckedBroadcast<Name>::payload>) auto broadcast(
      const detail::Boxed<typename CheckedBroadcast<Name>::payload>& payload,
      BroadcastOptions options = {}, CompletionToken&& token = {}) {
    return start_broadcast<Name, CompletionToken>(payload, options, token);
  }

  /// The same for a temporary payload.
  template <detail::FixedString Name, typename CompletionToken = boost::asio::use_awaitable_t<>>
  requires(!std::is_void_v<typename CheckedBroadcast<Name>::payload>) auto broadcast(
      detail::Boxed<typename CheckedBroadcast<Name>::payload>&& payload,
      BroadcastOptions options = {}, CompletionToken&& token = {}) {
    static_assert(!detail::is_unsafe_temporary<typename CheckedBroadcast<Name>::payload>,
                  "this compiler destroys a temporary aggregate in a co_await expression twice: "
                  "name the payload in a variable and pass that");
    return start_broadcast<Name, CompletionToken>(payload, options, token);
  }

  /// The same for a broadcast without a payload.
  template <detail::FixedString Name, typename CompletionToken = boost::asio::use_awaitable_t<>>
  requires(std::is_void_v<typename CheckedBroadcast<Name>::payload>) auto broadcast(
      BroadcastOptions options = {}, CompletionToken&& token = {}) {
    return start_broadcast<Name, CompletionToken>(detail::Boxed<void>{}, options, token);
  }

  /// The same for a broadcast whose name and type are known at run time only; throws
  /// `MeshEncodeError` if `json` is not one JSON value. It is read before the function returns.
  template <typename CompletionToken = boost::asio::use_awaitable_t<>>
  auto broadcast_raw(std::string_view name, const std::string& json, BroadcastOptions options = {},
                     CompletionToken&& token = {}) {
    return begin_broadcast<detail::RawJson, CompletionToken>(std::string(name), json, options,
                                                             token);
  }

  using MissingOptions::broadcast;
  using NamesOfRunTime::broadcast;
  using UnknownNames::broadcast;

 private:
  template <detail::FixedString Name, typename CompletionToken, typename Given>
  auto start_call(InstanceId instance_id, Given&& request, InvokeOptions options,
                  std::remove_reference_t<CompletionToken>& token) {
    return begin_call<typename Checked<Name>::request, typename Checked<Name>::response,
                      CompletionToken>(instance_id, MessageOf<Name>::name, nullptr,
                                       std::forward<Given>(request), options, token);
  }

  template <typename Request, typename Response, typename CompletionToken, typename Given>
  auto begin_call(InstanceId instance_id, std::string_view type,
                  std::shared_ptr<const std::string> type_owner, Given&& request,
                  InvokeOptions options, std::remove_reference_t<CompletionToken>& token) {
    return detail::initiate_call<Response, CompletionToken>(
        detail::prepare_call<Request, Response>(core_, instance_id, type, std::move(type_owner),
                                                std::forward<Given>(request), options),
        token);
  }

  template <detail::FixedString Name, typename CompletionToken>
  auto start_broadcast(const detail::Boxed<typename CheckedBroadcast<Name>::payload>& payload,
                       BroadcastOptions options, std::remove_reference_t<CompletionToken>& token) {
    constexpr std::string_view type = BroadcastOf<Name>::name;
    return begin_broadcast<typename CheckedBroadcast<Name>::payload, CompletionToken>(
        type, payload, options, token);
  }

  /// `Type` is a view of a name that lives as long as the program, or a text.
  template <typename Payload, typename CompletionToken, typename Type>
  auto begin_broadcast(Type type, const detail::Boxed<Payload>& payload, BroadcastOptions options,
                       std::remove_reference_t<CompletionToken>& token) {
    std::exception_ptr error;
    std::string data;
    try {
      detail::encode_payload<Payload>(type, payload, data, Executed::no);
    } catch (...) {
      error = std::current_exception();
    }
    return boost::asio::async_initiate<CompletionToken, void(std::exception_ptr)>(
        [core = core_.core(), options](auto handler, Type name, std::exception_ptr failure,
                                       std::string text) {
          detail::send_broadcast(core, name, std::move(failure), std::move(text), options,
                                 std::move(handler));
        },
        token, std::move(type), std::move(error), std::move(data));
  }

  detail::CoreHandle core_;
};

}  // namespace mesh
