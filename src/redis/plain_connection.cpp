#include <redis/plain_connection.hpp>

#include <redis/stream_connection.hpp>

namespace mesh::redis {

namespace {

using Socket = asio::generic::stream_protocol::socket;

class PlainConnection final : public StreamConnection<Socket> {
 public:
  using StreamConnection<Socket>::StreamConnection;

 private:
  void shake_hands() override { become_ready(); }
};

}  // namespace

std::shared_ptr<Connection> open_plain_connection(const Strand& strand, const Endpoint& endpoint,
                                                  const Connection::Callbacks& callbacks) {
  auto connection = std::make_shared<PlainConnection>(strand, Socket(strand), callbacks);
  connection->start(endpoint);
  return connection;
}

}  // namespace mesh::redis
