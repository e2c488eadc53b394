#include <boost/asio/io_context.hpp>
#include <mesh/leader_service.hpp>

int main() {
  boost::asio::io_context context;
  const mesh::LeaderService leader{context.get_executor(), "key"};
}
