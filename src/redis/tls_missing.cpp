// Takes the place of tls_connection.cpp in a build without TLS; `RedisOptions::validate()` lets
// nobody get here.
#include <stdexcept>

#include <redis/tls.hpp>

namespace mesh::redis {

std::shared_ptr<TlsContext> load_tls(const RedisOptions& options) {
  if (!options.tls) return nullptr;
  throw std::runtime_error("this library was built without TLS");
}

std::shared_ptr<Connection> open_tls_connection(const Strand& /*strand*/,
                                                const Endpoint& /*endpoint*/, const Tls& /*tls*/,
                                                const Connection::Callbacks& /*callbacks*/,
                                                ChannelKind /*kind*/) {
  throw std::logic_error("this library was built without TLS");
}

}  // namespace mesh::redis
