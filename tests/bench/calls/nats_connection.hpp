#pragma once

#include <nats/nats.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace mesh::bench {

template <typename Handle, void (*destroy)(Handle*)>
struct Destroy {
  void operator()(Handle* handle) const { destroy(handle); }
};

using NatsOptions = std::unique_ptr<natsOptions, Destroy<natsOptions, &natsOptions_Destroy>>;
using NatsConnection =
    std::unique_ptr<natsConnection, Destroy<natsConnection, &natsConnection_Destroy>>;
using NatsSubscription =
    std::unique_ptr<natsSubscription, Destroy<natsSubscription, &natsSubscription_Destroy>>;
using NatsMessage = std::unique_ptr<natsMsg, Destroy<natsMsg, &natsMsg_Destroy>>;

inline void require_ok(natsStatus status) {
  if (status != NATS_OK) throw std::runtime_error(natsStatus_GetText(status));
}

/// `send_at_once`: each message is written by the call that publishes it. Otherwise a thread of
/// the library gathers them.
inline NatsConnection connect_to_nats(const std::string& url, bool send_at_once) {
  natsOptions* options = nullptr;
  require_ok(natsOptions_Create(&options));
  const NatsOptions owner(options);
  require_ok(natsOptions_SetURL(options, url.c_str()));
  require_ok(natsOptions_SetSendAsap(options, send_at_once));
  natsConnection* connection = nullptr;
  require_ok(natsConnection_Connect(&connection, options));
  return NatsConnection(connection);
}

inline NatsSubscription subscribe(natsConnection* connection, const std::string& subject,
                                  natsMsgHandler on_message, void* context) {
  natsSubscription* subscription = nullptr;
  require_ok(
      natsConnection_Subscribe(&subscription, connection, subject.c_str(), on_message, context));
  NatsSubscription owner(subscription);
  require_ok(natsConnection_Flush(connection));
  return owner;
}

}  // namespace mesh::bench
