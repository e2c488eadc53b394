#pragma once

#include <nlohmann/json.hpp>

#include <mesh/codec.hpp>
#include <mesh/detail/nlohmann_fault.hpp>
#include <mesh/detail/nlohmann_optional.hpp>

namespace mesh::detail {

template <typename T>
void write_field(nlohmann::json& object, const char* name, const T& value) {
  try {
    if constexpr (is_optional<T>) {
      if (value) object[name] = nlohmann::json(*value);
    } else {
      object[name] = nlohmann::json(value);
    }
  } catch (const CodecError& error) {
    throw error.inside(name);
  }
}

template <typename T>
void read_value(const nlohmann::json& document, T& value) {
  if constexpr (requires { document.get_to(value); }) {
    document.get_to(value);
  } else {
    value = document.get<T>();
  }
}

template <typename T>
void read_field(const nlohmann::json& object, const char* name, T& value) {
  if constexpr (is_optional<T>) {
    const auto member = object.find(name);
    if (member == object.end()) {
      value.reset();
    } else {
      read_value(*member, value);
    }
  } else {
    read_value(object.at(name), value);
  }
}

}  // namespace mesh::detail

#define MESH_DETAIL_WRITE_FIELD(name) \
  ::mesh::detail::write_field(mesh_document, #name, mesh_value.name);
#define MESH_DETAIL_READ_FIELD(name) \
  ::mesh::detail::read_field(mesh_document, #name, mesh_value.name);
