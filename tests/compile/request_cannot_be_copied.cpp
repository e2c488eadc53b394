#include <memory>

#include "messages.hpp"

struct Parcel {
  std::unique_ptr<int> content;
};
void to_json(nlohmann::json& document, const Parcel& parcel) { document = *parcel.content; }
void from_json(const nlohmann::json& document, Parcel& parcel) {
  parcel.content = std::make_unique<int>(document.get<int>());
}

using Parcels = mesh::MessageMap<mesh::Message<"send", Parcel, Reply>>;

asio::awaitable<void> run(mesh::MeshService<Parcels>& service, const Parcel& parcel) {
  service.register_handler<"send">([](const Parcel&) { return Reply{}; });
  co_await service.invoke<"send">(1, parcel);
}
