#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <mesh/detail/core_handle.hpp>
#include <mesh/detail/gate.hpp>
#include <mesh/node.hpp>
#include <mesh/options.hpp>

#include <async/event.hpp>
#include <async/serial_queue.hpp>
#include <async/strand.hpp>
#include <async/task_group.hpp>
#include <core/answer_sender.hpp>
#include <core/call_sender.hpp>
#include <core/cleanup.hpp>
#include <core/counters.hpp>
#include <core/keys.hpp>
#include <core/node_watch.hpp>
#include <core/pending_calls.hpp>
#include <core/registry.hpp>
#include <core/request_server.hpp>
#include <leader/leader_driver.hpp>
#include <redis/client.hpp>
#include <util/rate_limited_log.hpp>
#include <util/uuid.hpp>
#include <wire/codec.hpp>

namespace mesh::core {

/// Links a call to whoever may cancel it, from before it has a request id. Touched on the strand.
struct CallControl {
  bool cancelled = false;
  RequestId request_id;
};

/// A node without its types: ties the connections, the registry, the pending calls, the request
/// server and the election together, and starts and stops them. What is not said to be callable
/// from any thread must be called on the strand.
class MeshCore : public std::enable_shared_from_this<MeshCore> {
 public:
  /// Throws `std::invalid_argument`.
  MeshCore(asio::any_io_executor executor, const std::string& key, MeshOptions options);
  MeshCore(const MeshCore&) = delete;
  MeshCore& operator=(const MeshCore&) = delete;

  // From any thread.
  const Strand& strand() const { return strand_; }
  const asio::any_io_executor& executor() const { return executor_; }
  InstanceId instance_id() const noexcept { return instance_id_; }
  MeshStats stats() const { return counters_.snapshot(); }
  RequestServer& server() { return *server_; }
  const std::shared_ptr<leader::LeaderDriver>& leader() const { return leader_; }

  void set_cleaned_up_callback(detail::AsyncCallback<InstanceId> callback);
  void set_reregistered_callback(detail::AsyncCallback<> callback);
  void watch_nodes(NodeWatch::Callback callback);

  asio::awaitable<void> start();
  asio::awaitable<void> stop(StopOptions options);
  asio::awaitable<std::vector<MeshNode>> list_nodes();
  asio::awaitable<void> broadcast(std::string type, std::string data, BroadcastOptions options);

  /// Begins a remote call; the completion is called exactly once. `control` may be null.
  void begin_call(detail::OutgoingCall call, detail::CallCompletion completion,
                  const std::shared_ptr<CallControl>& control);
  /// Ends the call as cancelled, whether it has begun or not.
  void cancel_call(CallControl& control);

  /// From any thread: no handler or callback begins any more, and nothing is logged.
  void close_gate() noexcept { gate_->close(); }
  const std::shared_ptr<detail::Gate>& gate() const noexcept { return gate_; }
  /// Ends everything at once, for a service that is destroyed while it runs.
  void abandon();

 private:
  enum class State { stopped, starting, running, draining, stopping };

  class ContextWatch;

  /// How an attempt to join ended.
  struct Attempt {
    bool ended = false;
    std::exception_ptr error;
  };

  asio::awaitable<void> attempt_to_join(std::shared_ptr<MeshCore> self,
                                        std::shared_ptr<Attempt> attempt);
  asio::awaitable<void> join_mesh();
  asio::awaitable<void> clean_up_failed_start();
  asio::awaitable<void> drain();
  asio::awaitable<void> leave_mesh(TimePoint deadline);
  asio::awaitable<void> unregister(TimePoint deadline);
  asio::awaitable<void> disconnect();
  asio::awaitable<void> send_heartbeats(std::shared_ptr<MeshCore> self);
  asio::awaitable<void> send_draining_heartbeat();
  asio::awaitable<void> send_heartbeat();
  asio::awaitable<InstanceId> register_with_new_id(TimePoint deadline);
  asio::awaitable<void> move_to_new_id();
  asio::awaitable<void> clean_up();
  bool others_may_return() const;
  void note_leader(std::optional<bool> another_leads);
  bool is_active() const { return state_ == State::running || state_ == State::draining; }
  void start_watch();
  void set_id(InstanceId id);
  void become_stopped();

  void connect_events();
  void on_message(std::string_view channel, std::string_view payload);
  void on_node_message(std::string_view payload);
  void on_malformed(const wire::Malformed& message);
  void on_request(wire::Request request);
  void accept_held_requests();
  void forget_held_requests();
  void on_broadcast_message(std::string_view payload);
  void on_unexpected(const RequestId& request_id, const std::string& reason);
  void drop(const std::string& reason);

  std::exception_ptr objection_to_call(std::string_view message) const;
  bool has_room_to_keep(std::size_t size) const;

  /// A request that came before it was known whether this node still has its id.
  struct HeldRequest {
    wire::Request request;
    TimePoint arrived_at{};
  };

  std::shared_ptr<detail::Gate> gate_ = std::make_shared<detail::Gate>();
  asio::any_io_executor executor_;
  Strand strand_;
  MeshOptions options_;
  Keys keys_;
  Counters counters_;
  UuidGenerator uuids_;
  std::string message_;  // memory for the next request
  RateLimitedLog drop_log_;
  RateLimitedLog heartbeat_log_;
  std::shared_ptr<redis::Client> commands_;
  std::shared_ptr<redis::Client> subscriptions_;
  std::shared_ptr<Registry> registry_;
  std::shared_ptr<leader::LeaderDriver> leader_;
  std::shared_ptr<Cleanup> cleanup_;
  PendingCalls pending_;
  std::shared_ptr<Event> drain_progress_;  // shared with parts that may outlive this
  std::shared_ptr<CallSender> calls_;
  std::shared_ptr<RequestServer> server_;
  std::shared_ptr<AnswerSender> answers_;
  std::shared_ptr<NodeWatch> watch_;
  SerialQueue callbacks_;
  TaskGroup background_;
  Event heartbeat_due_;
  Event state_changed_;
  TimePoint drain_deadline_{};
  std::optional<TimePoint> reconnected_at_;  // the connection for commands
  std::optional<TimePoint> refused_at_;      // a heartbeat, by Redis
  bool owns_id_ = true;                      // as far as is known, after a reconnect
  bool must_move_ = false;                   // to a new id, as soon as there is one
  std::vector<HeldRequest> held_;            // until that is known
  std::size_t held_bytes_ = 0;
  detail::AsyncCallback<> reregistered_;
  State state_ = State::stopped;
  std::uint64_t run_ = 0;      // counts the starts
  InstanceId claimed_id_ = 0;  // from before it is registered until after it is unregistered
  std::string node_channel_;
  std::string broadcast_channel_;
  std::string events_channel_;
  std::atomic<InstanceId> instance_id_{0};
};

}  // namespace mesh::core
