#pragma once

#include <memory>
#include <string>

#include <mesh/options.hpp>

#include <async/strand.hpp>
#include <redis/channel_kind.hpp>
#include <redis/connection.hpp>
#include <redis/endpoint.hpp>

namespace mesh::redis {

/// Certificates and rules for TLS connections. Opaque, so that OpenSSL stays in one place.
class TlsContext;

/// How one connection uses TLS.
struct Tls {
  std::shared_ptr<TlsContext> context;  ///< Null: not at all.
  std::string server_name;              ///< The name or IP address the certificate must be for.
};

/// Reads the files that `options` name; null without TLS. Throws `std::runtime_error` that names
/// the option, the file and what is wrong with it.
std::shared_ptr<TlsContext> load_tls(const RedisOptions& options);

/// Begins to connect to a numeric address, with TLS. All its channels are of this kind.
std::shared_ptr<Connection> open_tls_connection(const Strand& strand, const Endpoint& endpoint,
                                                const Tls& tls,
                                                const Connection::Callbacks& callbacks,
                                                ChannelKind kind);

}  // namespace mesh::redis
