#include "messages.hpp"

using Twice = mesh::MessageMap<mesh::Message<"greet", Greeting, Reply>,
                               mesh::Message<"greet", Greeting, Greeting>>;

void run(mesh::MeshService<Twice>& service) { service.stats(); }
