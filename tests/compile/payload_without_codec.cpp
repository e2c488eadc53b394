#include "messages.hpp"

struct Opaque {
  int* pointer = nullptr;
};
using Bad = mesh::MessageMap<mesh::Message<"greet", Opaque, Reply>>;

void run(mesh::MeshService<Bad>& service) {
  service.register_handler<"greet">([](Opaque) { return Reply{}; });
}
