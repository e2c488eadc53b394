#include <wire/javascript.hpp>

#include <cmath>
#include <cstdint>

namespace mesh::wire {

bool is_truthy(const nlohmann::json& value) {
  switch (value.type()) {
    case nlohmann::json::value_t::null:
      return false;
    case nlohmann::json::value_t::boolean:
      return value.get<bool>();
    case nlohmann::json::value_t::number_integer:
    case nlohmann::json::value_t::number_unsigned:
    case nlohmann::json::value_t::number_float:
      return value.get<double>() != 0.0;
    case nlohmann::json::value_t::string:
      return !value.get_ref<const std::string&>().empty();
    default:
      return true;
  }
}

double to_number(const nlohmann::json& value) {
  if (value.is_number()) return value.get<double>();
  if (value.is_boolean()) return value.get<bool>() ? 1.0 : 0.0;
  if (!value.is_string()) return 0.0;
  constexpr std::size_t most_characters = 64;
  if (value.get_ref<const std::string&>().size() > most_characters) return 0.0;
  const auto number = nlohmann::json::parse(value.get_ref<const std::string&>(), nullptr, false);
  return number.is_number() ? number.get<double>() : 0.0;
}

std::string to_text(const nlohmann::json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>();
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (std::trunc(number) == number && std::abs(number) <= largest_exact_integer) {
      return std::to_string(static_cast<std::int64_t>(number));
    }
  }
  return value.dump();
}

}  // namespace mesh::wire
