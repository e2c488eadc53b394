#include <boost/asio/io_context.hpp>
#include <mesh/mesh_service.hpp>
#include <mesh/message_map.hpp>

int main() {
  boost::asio::io_context context;
  const mesh::MeshService<mesh::MessageMap<>> node{context.get_executor(), "key"};
}
