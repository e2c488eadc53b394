#include <redis/plain_connection.hpp>

#include <redis/stream_connection.hpp>

namespace mesh::redis {

namespace {

using Socket = asio::generic::stream_protocol::socket;

class PlainConnection final : public StreamConnection<Socket> {
 public:
  using StreamConnection<Socket>::StreamConnection;

 private:
  void shake_hands() override {
    boost::system::error_code ignored;
    stream().non_blocking(true, ignored);
    become_ready();
  }

  // Mostly all of it, which spares a turn of the executor. An error comes again when the rest is
  // written.
  std::size_t write_at_once(asio::const_buffer bytes) override {
    boost::system::error_code error;
    const std::size_t size = stream().write_some(bytes, error);
    return error ? 0 : size;
  }
};

}  // namespace

std::shared_ptr<Connection> open_plain_connection(const Strand& strand, const Endpoint& endpoint,
                                                  const Connection::Callbacks& callbacks,
                                                  ChannelKind kind) {
  auto connection = std::make_shared<PlainConnection>(strand, Socket(strand), callbacks, kind);
  connection->start(endpoint);
  return connection;
}

}  // namespace mesh::redis
