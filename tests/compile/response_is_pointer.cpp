#include "messages.hpp"

using Pointers = mesh::MessageMap<mesh::Message<"greet", Greeting, const char*>>;

void run(mesh::MeshService<Pointers>& service) { service.stats(); }
