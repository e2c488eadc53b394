#include <mesh/detail/payload.hpp>

#include <exception>

#include <mesh/errors.hpp>

#include <util/describe_error.hpp>
#include <wire/json_object.hpp>

namespace mesh::detail {

void throw_decode_error(std::string_view type, Executed executed) {
  try {
    throw;
  } catch (const CodecError& error) {
    throw MeshDecodeError(std::string(type), error.path(), error.cause(), executed);
  } catch (...) {
    throw MeshDecodeError(std::string(type), {}, describe_error(std::current_exception()),
                          executed);
  }
}

void throw_encode_error(std::string_view type, Executed executed) {
  try {
    throw;
  } catch (const CodecError& error) {
    throw MeshEncodeError(std::string(type), error.path(), error.cause(), executed);
  } catch (...) {
    throw MeshEncodeError(std::string(type), describe_error(std::current_exception()), executed);
  }
}

void check_encoded(std::string_view type, std::string_view json, Executed executed) {
  const wire::JsonFinding found = wire::check_document(json);
  if (found.verdict == wire::JsonVerdict::good) return;
  throw MeshEncodeError(
      std::string(type),
      "what was encoded is not one JSON value, as byte " + std::to_string(found.place) + " shows",
      executed);
}

void throw_not_appended(std::string_view type, Executed executed) {
  throw MeshEncodeError(std::string(type),
                        "the codec has changed what was in the text instead of appending to it",
                        executed);
}

}  // namespace mesh::detail
