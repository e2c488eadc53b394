#include <mesh/detail/core_handle.hpp>

#include <stdexcept>
#include <utility>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <mesh/detail/spawn_operation.hpp>

#include <config/number.hpp>
#include <core/mesh_core.hpp>
#include <core/served_call.hpp>
#include <leader/election.hpp>

namespace mesh::detail {

namespace {

// Each holds on to the core from before its first step, which is taken later.

asio::awaitable<void> start(std::shared_ptr<core::MeshCore> core) { co_await core->start(); }

asio::awaitable<void> stop(std::shared_ptr<core::MeshCore> core, StopOptions options) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await core->stop(options);
}

asio::awaitable<std::vector<MeshNode>> list(std::shared_ptr<core::MeshCore> core) {
  co_return co_await core->list_nodes();
}

asio::awaitable<std::vector<NodeInfo>> list_infos(std::shared_ptr<core::MeshCore> core) {
  co_return co_await core->list_infos();
}

asio::awaitable<void> broadcast(std::shared_ptr<core::MeshCore> core, std::string type,
                                std::exception_ptr error, std::string data,
                                BroadcastOptions options) {
  if (error) std::rethrow_exception(error);
  co_await core->broadcast(std::move(type), std::move(data), options);
}

/// What a destroyed service leaves, destroyed from below.
struct Remains {
  asio::any_io_executor users_work;
  std::shared_ptr<core::MeshCore> core;
  std::unique_ptr<LeaderService> leader;
};

}  // namespace

asio::any_io_executor strand_of(const asio::any_io_executor& executor) {
  return asio::make_strand(executor);
}

CoreHandle::CoreHandle(asio::any_io_executor executor, const std::string& key,
                       const MeshOptions& options)
    : core_(std::make_shared<core::MeshCore>(std::move(executor), key, options)),
      leader_(new LeaderService(std::make_shared<leader::Election>(
          core_->strand(), core_->executor(), core_->leader()))) {}

CoreHandle::~CoreHandle() {
  core_->close_gate();
  // The last references go along, so that all of it is destroyed on the strand. What holds the
  // user's executor needs its context for that, so another context is kept busy until then.
  const auto strand = core_->strand();
  asio::any_io_executor work;
  if (strand.get_inner_executor() != core_->executor()) {
    work = asio::prefer(core_->executor(), asio::execution::outstanding_work_t::tracked);
  }
  asio::post(strand, [last = Remains{std::move(work), std::move(core_), std::move(leader_)}] {
    last.core->abandon();
  });
}

const std::shared_ptr<const core::Interception>& CoreHandle::interception() const noexcept {
  return core_->interception();
}

const std::shared_ptr<Gate>& CoreHandle::gate() const noexcept { return core_->gate(); }

const asio::any_io_executor& CoreHandle::executor() const noexcept { return core_->executor(); }

InstanceId CoreHandle::instance_id() const noexcept { return core_->instance_id(); }

LeaderService& CoreHandle::leader() noexcept { return *leader_; }

MeshStats CoreHandle::stats() const { return core_->stats(); }

bool CoreHandle::is_connected() const noexcept { return core_->is_connected(); }

void CoreHandle::set_handler(std::string_view type, std::shared_ptr<RequestHandler> handler) {
  if (core_->server().find_builtin_handler(type)) {
    throw std::invalid_argument("every node answers \"" + std::string(type) + "\" by itself");
  }
  if (core_->server().handlers().set(type, std::move(handler))) core_->announce_handlers();
}

void CoreHandle::set_raw_handler(std::string_view type, std::shared_ptr<RequestHandler> handler) {
  if (type.empty()) throw std::invalid_argument("the name of a handler must not be empty");
  if (type.starts_with('$')) {
    throw std::invalid_argument("names that begin with $ are reserved, such as \"" +
                                std::string(type) + "\"");
  }
  set_handler(type, std::move(handler));
}

void CoreHandle::set_fallback_handler(std::shared_ptr<RequestHandler> handler) {
  if (core_->server().handlers().set_fallback(std::move(handler))) core_->announce_handlers();
}

void CoreHandle::remove_handler(std::string_view type) {
  if (core_->server().handlers().erase(type)) core_->announce_handlers();
}

std::shared_ptr<RequestHandler> CoreHandle::find_handler(std::string_view type) const {
  if (auto builtin = core_->server().find_builtin_handler(type)) return builtin;
  return core_->server().handlers().find(type);
}

void CoreHandle::set_broadcast_handler(std::string_view type,
                                       std::shared_ptr<BroadcastHandler> handler) {
  core_->server().broadcast_handlers().set(type, std::move(handler));
}

void CoreHandle::set_fallback_broadcast_handler(std::shared_ptr<BroadcastHandler> handler) {
  core_->server().broadcast_handlers().set_fallback(std::move(handler));
}

void CoreHandle::set_cleaned_up_callback(AsyncCallback<InstanceId> callback) {
  core_->set_cleaned_up_callback(std::move(callback));
}

void CoreHandle::set_reregistered_callback(AsyncCallback<> callback) {
  core_->set_reregistered_callback(std::move(callback));
}

void CoreHandle::set_connection_callback(AsyncCallback<bool> callback) {
  core_->set_connection_callback(std::move(callback));
}

void CoreHandle::watch_nodes(AsyncCallback<NodeChange, MeshNode> callback) {
  core_->watch_nodes(std::move(callback));
}

void check_timeout(const char* option, std::chrono::milliseconds timeout) {
  if (timeout < std::chrono::milliseconds::zero() || timeout > config::longest_duration) {
    throw std::invalid_argument(std::string(option) + " must be from 0 ms to 1 year");
  }
}

const asio::any_io_executor& executor_of(const core::MeshCore& core) noexcept {
  return core.executor();
}

namespace {

/// Holds on to nothing: it may be kept for long, where a strand would outlive its context.
class CancelCall {
 public:
  explicit CancelCall(const std::shared_ptr<core::MeshCore>& core) : core_(core) {}

  void operator()(const std::shared_ptr<core::CallControl>& cancelled) const {
    auto locked = core_.lock();
    if (!locked) return;
    const Strand strand = locked->strand();
    asio::post(strand,
               [locked = std::move(locked), cancelled] { locked->cancel_call(*cancelled); });
  }

 private:
  std::weak_ptr<core::MeshCore> core_;
};

}  // namespace

void send_call(const std::shared_ptr<core::MeshCore>& core, OutgoingCall&& call,
               CallCompletion&& completion) {
  std::shared_ptr<core::CallControl> control;
  // Here, since the slot belongs to the caller's executor, and a cancellation may come before the
  // strand has seen the call.
  auto slot = asio::get_associated_cancellation_slot(completion);
  if (slot.is_connected()) {
    control = std::make_shared<core::CallControl>();
    slot.assign(
        [cancel = CancelCall(core), control](asio::cancellation_type_t) { cancel(control); });
  }
  if (call.extras && call.extras->parent) {
    if (!control) control = std::make_shared<core::CallControl>();
    // Until the call begins, it is the queue that holds the control, then the pending call.
    call.extras->parent->when_cancelled(control, CancelCall(core));
  }
  core::MeshCore::send(core, {std::move(call), std::move(completion), std::move(control)});
}

void start_core(const std::shared_ptr<core::MeshCore>& core, VoidCompletion completion) {
  spawn_operation<void>(core->strand(), core->executor(), start(core), std::move(completion));
}

void stop_core(const std::shared_ptr<core::MeshCore>& core, StopOptions options,
               VoidCompletion completion) {
  spawn_operation<void>(core->strand(), core->executor(), stop(core, options),
                        std::move(completion));
}

void list_nodes(const std::shared_ptr<core::MeshCore>& core, NodesCompletion completion) {
  spawn_operation<std::vector<MeshNode>>(core->strand(), core->executor(), list(core),
                                         std::move(completion));
}

void list_node_infos(const std::shared_ptr<core::MeshCore>& core, InfosCompletion completion) {
  spawn_operation<std::vector<NodeInfo>>(core->strand(), core->executor(), list_infos(core),
                                         std::move(completion));
}

void send_broadcast(const std::shared_ptr<core::MeshCore>& core, std::string_view type,
                    std::exception_ptr error, std::string data, BroadcastOptions options,
                    VoidCompletion completion) {
  spawn_operation<void>(
      core->strand(), core->executor(),
      broadcast(core, std::string(type), std::move(error), std::move(data), options),
      std::move(completion));
}

}  // namespace mesh::detail
