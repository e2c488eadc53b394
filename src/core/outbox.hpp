#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <mesh/detail/core_handle.hpp>
#include <mesh/node.hpp>
#include <mesh/options.hpp>

#include <async/strand.hpp>
#include <core/call_sender.hpp>
#include <core/counters.hpp>
#include <core/pending_calls.hpp>
#include <redis/client.hpp>
#include <util/request_id.hpp>
#include <util/uuid.hpp>
#include <wire/encode.hpp>

namespace mesh::core {

/// Links a call to whoever may cancel it, from before it has a request id. Touched on the strand.
struct CallControl {
  bool cancelled = false;
  RequestId request_id;
};

/// Writes what a running node sends of its own accord, within its limits: requests and broadcasts.
/// All members must be called on the strand.
class Outbox {
 public:
  struct Context {
    std::shared_ptr<redis::Client> commands;
    std::string broadcast_channel;
    MeshLimits limits;
    std::chrono::milliseconds default_timeout{0};
  };

  Outbox(Context context, const std::atomic<InstanceId>& own_id, PendingCalls& pending,
         std::shared_ptr<CallSender> calls, Counters& counters);
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  /// Begins a remote call; the completion is called exactly once. `control` may be null.
  /// Without a target, which then is chosen later, `routed` is set. Nothing if the call has ended.
  std::optional<RequestId> begin_call(detail::OutgoingCall&& call,
                                      detail::CallCompletion&& completion,
                                      const std::shared_ptr<CallControl>& control,
                                      std::unique_ptr<RoutedCall> routed = nullptr);
  RequestId next_request_id() {
    const UuidGenerator::Text uuid = uuids_.next_text();
    return std::string_view(uuid.data(), uuid.size());
  }
  /// Publishes a broadcast.
  asio::awaitable<void> broadcast(std::string_view type, std::string_view data);

 private:
  std::exception_ptr objection_to_call(const detail::OutgoingCall& call,
                                       std::size_t message_size) const;
  bool has_room_to_keep(std::size_t size) const;

  Context context_;
  const std::atomic<InstanceId>& own_id_;
  PendingCalls& pending_;
  std::shared_ptr<CallSender> calls_;
  Counters& counters_;
  UuidGenerator uuids_;
  wire::RequestWriter requests_;
  std::string message_;  // memory for the next request
};

}  // namespace mesh::core
