#pragma once

#include <string>
#include <type_traits>

#include <nlohmann/json.hpp>

#include <mesh/codec/enum_names.hpp>
#include <mesh/detail/nlohmann_fault.hpp>

template <mesh::detail::NamedEnum Enum>
struct nlohmann::adl_serializer<Enum, void> {
  static_assert(mesh::detail::has_unique_names<Enum>(),
                "two values of an enum have the same name in mesh::EnumNames");

  template <typename Json>
  static void to_json(Json& document, Enum value) {
    const auto name = mesh::detail::find_enum_name(value);
    if (!name) {
      const auto number = static_cast<std::underlying_type_t<Enum>>(value);
      throw mesh::CodecError({}, mesh::detail::describe_unnamed_value(
                                     std::to_string(+number), mesh::detail::known_names<Enum>()));
    }
    document = std::string(*name);
  }

  template <typename Json>
  static void from_json(const Json& document, Enum& value) {
    if (!document.is_string()) mesh::detail::refuse_type(document, "string");
    const auto& name = document.template get_ref<const std::string&>();
    const auto found = mesh::detail::find_enum<Enum>(name);
    if (!found) {
      throw mesh::detail::RefusedValue(
          document, mesh::detail::describe_unknown_name(name, mesh::detail::known_names<Enum>()));
    }
    value = *found;
  }
};
