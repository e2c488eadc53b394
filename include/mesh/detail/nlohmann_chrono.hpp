#pragma once

#include <chrono>
#include <string>
#include <type_traits>

#include <nlohmann/json.hpp>

#include <mesh/detail/nlohmann_fault.hpp>
#include <mesh/detail/nlohmann_integer.hpp>
#include <mesh/detail/time_text.hpp>

template <typename Rep, typename Period>
struct nlohmann::adl_serializer<std::chrono::duration<Rep, Period>, void> {
  using Duration = std::chrono::duration<Rep, Period>;

  static void to_json(nlohmann::json& document, const Duration& value) { document = value.count(); }

  static void from_json(const nlohmann::json& document, Duration& value) {
    if (!document.is_number()) mesh::detail::refuse_type(document, "number");
    if constexpr (std::is_floating_point_v<Rep>) {
      value = Duration(document.get<Rep>());
    } else {
      const auto ticks = mesh::detail::exact_integer<Rep>(document);
      if (!ticks) {
        throw mesh::detail::RefusedValue(document,
                                         "a duration in whole units cannot be " + document.dump());
      }
      value = Duration(*ticks);
    }
  }
};

template <typename Duration>
requires mesh::detail::has_time_text<Duration>
struct nlohmann::adl_serializer<std::chrono::time_point<std::chrono::system_clock, Duration>,
                                void> {
  using Time = std::chrono::time_point<std::chrono::system_clock, Duration>;

  static void to_json(nlohmann::json& document, const Time& value) {
    const auto split = mesh::detail::split_time(value);
    if (!split) throw mesh::CodecError({}, "a time outside the years 0 to 9999");
    document = mesh::detail::to_time_text(*split);
  }

  static void from_json(const nlohmann::json& document, Time& value) {
    if (!document.is_string()) mesh::detail::refuse_type(document, "string");
    const auto split = mesh::detail::parse_time_text(document.get_ref<const std::string&>());
    if (!split) {
      throw mesh::detail::RefusedValue(document, "not a time such as \"2026-11-28T04:19:22.123Z\"");
    }
    const auto time = mesh::detail::join_time<Duration>(*split);
    if (!time) throw mesh::detail::RefusedValue(document, "a time that the C++ type cannot hold");
    value = *time;
  }
};
