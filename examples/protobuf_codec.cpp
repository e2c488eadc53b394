// Protobuf messages as payloads: either in Protobuf's own JSON mapping, which nodes in TypeScript
// can read, or as their bytes. It needs no Redis: it shows the text that each would be sent as.
#include <concepts>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>

#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>
#include <offer.pb.h>
#include <mesh/core.hpp>

// For all messages at once. Fields that this program does not know are ignored, as they are from a
// newer one.
template <std::derived_from<google::protobuf::Message> T>
struct mesh::Codec<T> {
  static void encode(const T& message, std::string& out) {
    std::string json;
    check(google::protobuf::util::MessageToJsonString(message, &json));
    out += json;
  }

  static T decode(std::string_view json) {
    google::protobuf::util::JsonParseOptions options;
    options.ignore_unknown_fields = true;
    T message;
    check(google::protobuf::util::JsonStringToMessage(std::string(json), &message, options));
    return message;
  }

 private:
  template <typename Status>
  static void check(const Status& status) {
    if (!status.ok()) throw std::runtime_error(std::string(status.message()));
  }
};

// Smaller, and faster for large messages.
mesh::Bytes to_bytes(const google::protobuf::Message& message) {
  return mesh::Bytes(message.SerializeAsString());
}
template <std::derived_from<google::protobuf::Message> T>
T from_bytes(const mesh::Bytes& bytes) {
  T message;
  if (!message.ParseFromString(std::string(bytes.characters()))) {
    throw std::runtime_error("not the bytes of this message");
  }
  return message;
}

using example::Offer;
using Messages = mesh::MessageMap<mesh::Message<"publish", Offer, void>,
                                  mesh::Message<"archive", mesh::Bytes, void>>;
using Node = mesh::MeshService<Messages>;

// There and back.
template <typename T>
T travel(const char* what, const T& value) {
  std::string json;
  mesh::Codec<T>::encode(value, json);
  std::cout << what << " travels as " << json << '\n';
  return mesh::Codec<T>::decode(json);
}

int main() try {
  Offer offer;
  offer.set_item("apple");
  offer.set_price(2.5);
  offer.add_tags("fresh");

  const Offer from_json = travel("an offer as JSON", offer);
  std::cout << "  and is again " << from_json.ShortDebugString() << '\n';

  const mesh::Bytes bytes = travel("an offer as bytes", to_bytes(offer));
  std::cout << "  and is again " << from_bytes<Offer>(bytes).ShortDebugString() << '\n';
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
