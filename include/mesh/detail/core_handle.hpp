#pragma once

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <mesh/call_context.hpp>
#include <mesh/detail/callback.hpp>
#include <mesh/detail/gate.hpp>
#include <mesh/detail/handler.hpp>
#include <mesh/detail/void_operation.hpp>
#include <mesh/leader_service.hpp>
#include <mesh/node.hpp>
#include <mesh/options.hpp>
#include <mesh/route.hpp>
#include <mesh/stats.hpp>

namespace mesh::core {
class Interception;
class MeshCore;
class ServedCall;
}  // namespace mesh::core

namespace mesh::detail {

/// What most calls go without.
struct CallExtras {
  std::shared_ptr<const std::string> type_owner{};  // unless the type lives as long as the program
  std::optional<std::chrono::steady_clock::time_point> deadline{};
  std::string headers{};  // JSON text; empty if there are none
  std::shared_ptr<const core::ServedCall> parent{};
};

/// How the node of a call is chosen.
struct Routing {
  Route route = Route::round_robin();
  int attempts = 1;
  bool skip_self = false;
  bool wait_for_node = false;
  bool is_one_of_all = false;  // all that serve the message are called
};

/// One encoded request on its way to another node.
struct OutgoingCall {
  InstanceId target = 0;
  std::string_view type;
  std::string data{};  // JSON text
  std::chrono::milliseconds timeout{0};
  std::shared_ptr<const CallExtras> extras{};
  std::optional<Routing> routing{};  // there is no target then
};

using NodesCompletion =
    asio::any_completion_handler<void(std::exception_ptr, std::vector<MeshNode>)>;
using InfosCompletion =
    asio::any_completion_handler<void(std::exception_ptr, std::vector<NodeInfo>)>;
/// Gets the JSON text of the response. Unless it is called on the user's executor, it must not run
/// anything of the user's inside the call: see `PostedHandler`.
using CallCompletion = asio::any_completion_handler<void(std::exception_ptr, std::string)>;

/// Throws `std::invalid_argument`, naming the option, for a timeout that is negative or longer than
/// a year.
void check_timeout(const char* option, std::chrono::milliseconds timeout);

/// The context of a call to the own node.
CallContext make_local_context(InstanceId own_id, std::string_view type,
                               const InvokeOptions& options = {});

/// Throws `std::invalid_argument` for options that are out of range, and `MeshLimitError` for too
/// many or too large headers.
void check_options(const InvokeOptions& options);
/// Takes over what `options`, which have been checked, say of the call, and what its type needs.
void apply_options(OutgoingCall& call, const InvokeOptions& options,
                   std::shared_ptr<const std::string> type_owner);

/// A strand of this executor. Compiled once: to put one behind `any_io_executor` takes long.
asio::any_io_executor strand_of(const asio::any_io_executor& executor);

/// What `MeshService` needs of the compiled part. Destruction abandons a running node.
class CoreHandle {
 public:
  CoreHandle(asio::any_io_executor executor, const std::string& key, const MeshOptions& options);
  ~CoreHandle();
  CoreHandle(const CoreHandle&) = delete;
  CoreHandle& operator=(const CoreHandle&) = delete;

  const asio::any_io_executor& executor() const noexcept;
  InstanceId instance_id() const noexcept;
  LeaderService& leader() noexcept;
  MeshStats stats() const;
  bool is_connected() const noexcept;

  /// Throws `std::invalid_argument` for the name of a built-in handler.
  void set_handler(std::string_view type, std::shared_ptr<RequestHandler> handler);
  /// Throws `std::invalid_argument` for a name that handlers must not have.
  void set_raw_handler(std::string_view type, std::shared_ptr<RequestHandler> handler);
  void set_fallback_handler(std::shared_ptr<RequestHandler> handler);
  void remove_handler(std::string_view type);
  /// Also the built-in ones and the fallback; null if there is none.
  std::shared_ptr<RequestHandler> find_handler(std::string_view type) const;
  void set_broadcast_handler(std::string_view type, std::shared_ptr<BroadcastHandler> handler);
  void set_fallback_broadcast_handler(std::shared_ptr<BroadcastHandler> handler);
  void set_cleaned_up_callback(AsyncCallback<InstanceId> callback);
  void set_reregistered_callback(AsyncCallback<> callback);
  void set_connection_callback(AsyncCallback<bool> callback);
  void watch_nodes(AsyncCallback<NodeChange, MeshNode> callback);

  /// Null if there are no interceptors.
  const std::shared_ptr<const core::Interception>& interception() const noexcept;

  /// Of handlers that are called locally.
  const std::shared_ptr<Gate>& gate() const noexcept;

  /// Shared, so that an initiation may outlive the service.
  const std::shared_ptr<core::MeshCore>& core() const noexcept { return core_; }

 private:
  std::shared_ptr<core::MeshCore> core_;
  std::unique_ptr<LeaderService> leader_;
};

/// The user's, of a service.
const asio::any_io_executor& executor_of(const core::MeshCore& core) noexcept;

/// The operations of a service, from any thread; each completes on its handler's executor.
void send_call(const std::shared_ptr<core::MeshCore>& core, OutgoingCall&& call,
               CallCompletion&& completion);
void start_core(const std::shared_ptr<core::MeshCore>& core, VoidCompletion completion);
void stop_core(const std::shared_ptr<core::MeshCore>& core, StopOptions options,
               VoidCompletion completion);
void list_nodes(const std::shared_ptr<core::MeshCore>& core, NodesCompletion completion);
void list_node_infos(const std::shared_ptr<core::MeshCore>& core, InfosCompletion completion);
void send_broadcast(const std::shared_ptr<core::MeshCore>& core, std::string_view type,
                    std::exception_ptr error, std::string data, BroadcastOptions options,
                    VoidCompletion completion);

}  // namespace mesh::detail
