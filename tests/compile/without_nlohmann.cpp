// Includes no nlohmann_json, and needs none. Nothing of its payloads can be copied or made of
// nothing.
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <mesh/core.hpp>

#ifdef INCLUDE_NLOHMANN_JSON_HPP_
#error "nlohmann_json is included"
#endif

class Parcel {
 public:
  explicit Parcel(int content) : content_(std::make_unique<int>(content)) {}

  int content() const { return *content_; }

 private:
  std::unique_ptr<int> content_;
};

template <>
struct mesh::Codec<Parcel> {
  static void encode(const Parcel& parcel, std::string& out) {
    out += std::to_string(parcel.content());
  }
  static Parcel decode(std::string_view json) { return Parcel(std::stoi(std::string(json))); }
};

using Messages = mesh::MessageMap<mesh::Message<"send", Parcel, Parcel>,
                                  mesh::Message<"raw", mesh::Bytes, void>>;

boost::asio::awaitable<int> run(mesh::MeshService<Messages>& service, const Parcel& parcel) {
  service.register_handler<"send">([](mesh::CallContext& call, Parcel given) {
    return Parcel(given.content() + static_cast<int>(call.sender()));
  });
  service.register_handler<"raw">([](const mesh::Bytes&) {});
  Parcel other{5};
  const Parcel first = co_await service.invoke<"send">(1, std::move(other));
  const Parcel second = co_await service.invoke<"send">(1, parcel);
  co_return first.content() + second.content();
}
