#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <mesh/detail/call.hpp>
#include <mesh/detail/core_handle.hpp>
#include <mesh/detail/gate.hpp>
#include <mesh/node.hpp>
#include <mesh/options.hpp>

#include <async/event.hpp>
#include <async/kept_busy.hpp>
#include <async/serial_queue.hpp>
#include <async/strand.hpp>
#include <async/strand_batch.hpp>
#include <async/task_group.hpp>
#include <core/answer_sender.hpp>
#include <core/call_sender.hpp>
#include <core/cleanup.hpp>
#include <core/connection_state.hpp>
#include <core/connections.hpp>
#include <core/counters.hpp>
#include <core/gathering.hpp>
#include <core/inbox.hpp>
#include <core/interception.hpp>
#include <core/keys.hpp>
#include <core/node_channels.hpp>
#include <core/outbox.hpp>
#include <core/own_info.hpp>
#include <core/packer.hpp>
#include <core/pending_calls.hpp>
#include <core/registration.hpp>
#include <core/registry.hpp>
#include <core/request_server.hpp>
#include <core/routed_calls.hpp>
#include <leader/leader_driver.hpp>
#include <view/local_view.hpp>
#include <view/node_watch.hpp>

namespace mesh::core {

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
  /// The user's, where handlers and callbacks run.
  const asio::any_io_executor& executor() const { return executor_; }
  InstanceId instance_id() const noexcept { return instance_id_; }
  MeshStats stats() const { return counters_->snapshot(); }
  bool is_connected() const noexcept { return counters_->connected; }
  RequestServer& server() { return *server_; }
  /// Null if there are no interceptors.
  const std::shared_ptr<const Interception>& interception() const noexcept { return interception_; }
  const std::shared_ptr<leader::LeaderDriver>& leader() const { return leader_; }

  void set_cleaned_up_callback(detail::AsyncCallback<InstanceId> callback);
  void set_reregistered_callback(detail::AsyncCallback<> callback);
  void set_connection_callback(ConnectionState::Callback callback);
  /// From any thread: handlers have come or gone.
  void announce_handlers();
  void watch_nodes(view::NodeWatch::Callback callback);

  asio::awaitable<void> start();
  asio::awaitable<void> stop(StopOptions options);
  asio::awaitable<std::vector<MeshNode>> list_nodes();
  asio::awaitable<std::vector<NodeInfo>> list_infos();
  asio::awaitable<void> broadcast(std::string type, std::string data, BroadcastOptions options);

  /// A remote call that is to begin; the completion is called exactly once. `control` may be null.
  struct NewCall {
    detail::OutgoingCall call;
    detail::CallCompletion completion;
    std::shared_ptr<CallControl> control;
  };
  /// From any thread.
  static void send(const std::shared_ptr<MeshCore>& core, NewCall call) {
    core->new_calls_->push(core, std::move(call));
  }
  /// Calls to many nodes that are to begin. From any thread.
  std::shared_ptr<Gathering> make_gathering(const detail::PreparedCall& call, std::size_t enough);
  static void begin_gathering(const std::shared_ptr<Gathering>& gathering,
                              detail::PreparedCall&& call);
  /// Keeps it until it is let go of.
  void keep_gathering(std::shared_ptr<Gathering> gathering) {
    gatherings_.insert(std::move(gathering));
  }
  void let_go_of_gathering(const std::shared_ptr<Gathering>& gathering) {
    gatherings_.erase(gathering);
  }
  /// Ends the call as cancelled, whether it has begun or not.
  void cancel_call(CallControl& control);

  /// From any thread: no handler or callback begins any more, and nothing is logged.
  void close_gate() noexcept {
    gate_->close();
    users_work_.close();
  }
  const std::shared_ptr<detail::Gate>& gate() const noexcept { return gate_; }
  /// Ends everything at once, for a service that is destroyed while it runs.
  void abandon();

 private:
  void begin_call(NewCall&& call);

  enum class State { stopped, starting, running, draining, stopping };

  class ContextWatch;

  /// How an attempt to join ended.
  struct Attempt {
    bool ended = false;
    std::exception_ptr error;
  };

  asio::awaitable<void> attempt_to_join(std::shared_ptr<MeshCore> self,
                                        std::shared_ptr<Attempt> attempt);
  asio::awaitable<bool> join_or_undo(TimePoint latest);
  asio::awaitable<void> join_mesh(TimePoint latest);
  asio::awaitable<void> undo_join(TimePoint deadline);
  asio::awaitable<void> clean_up_failed_start();
  asio::awaitable<void> drain();
  asio::awaitable<void> leave_mesh(TimePoint deadline);
  asio::awaitable<void> disconnect();
  asio::awaitable<void> stay_registered(std::shared_ptr<MeshCore> self);
  bool is_active() const { return state_ == State::running || state_ == State::draining; }
  void want_view();
  void start_view();
  void set_id(InstanceId id);
  void become_stopped();

  Registration::Context registration_context();
  void connect_events();
  void connect_view();
  void deliver_here(std::string message);
  redis::Client::Events cluster_events();
  void hear_messages(redis::Client::Events& events);
  std::shared_ptr<detail::Gate> gate_ = std::make_shared<detail::Gate>();
  asio::any_io_executor executor_;
  Strand strand_;
  KeptBusy users_work_;
  std::shared_ptr<Counters> counters_;  // shared with who asks for figures
  MeshOptions options_;
  Keys keys_;
  std::shared_ptr<const Interception> interception_;
  std::string lock_key_;
  Connections connections_;
  std::shared_ptr<NodeChannels> channels_;
  std::shared_ptr<Registry> registry_;
  std::shared_ptr<leader::LeaderDriver> leader_;
  std::shared_ptr<Cleanup> cleanup_;
  std::shared_ptr<StrandBatch<MeshCore, NewCall>> new_calls_;
  PendingCalls pending_;
  std::shared_ptr<Event> drain_progress_;  // shared with parts that may outlive this
  std::shared_ptr<Packer> packer_;
  std::shared_ptr<CallSender> calls_;
  std::shared_ptr<RequestServer> server_;
  std::shared_ptr<AnswerSender> answers_;
  std::shared_ptr<view::LocalView> view_;
  SerialQueue callbacks_;
  view::NodeWatch watch_;
  std::shared_ptr<OwnInfo> own_info_;
  ConnectionState connection_state_;
  TaskGroup background_;
  Event state_changed_;
  TimePoint drain_deadline_{};
  detail::AsyncCallback<> reregistered_;
  State state_ = State::stopped;
  std::uint64_t session_ = 0;  // counts the starts
  Inbox inbox_;
  Registration registration_;
  Outbox outbox_;
  RoutedCalls routed_calls_;
  std::unordered_set<std::shared_ptr<Gathering>> gatherings_;  // that users have
  std::atomic<InstanceId> instance_id_{0};
  std::atomic<bool> is_announcing_{false};
};

}  // namespace mesh::core
