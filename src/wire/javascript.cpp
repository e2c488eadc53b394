#include <wire/javascript.hpp>

#include <cmath>
#include <cstdint>

namespace mesh::wire {

using Json = nlohmann::json;

bool is_truthy(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return false;
    case Json::value_t::boolean:
      return value.get<bool>();
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float:
      return value.get<double>() != 0.0;
    case Json::value_t::string:
      return !value.get_ref<const std::string&>().empty();
    default:
      return true;
  }
}

double to_number(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (value.is_boolean()) return value.get<bool>() ? 1.0 : 0.0;
  if (!value.is_string()) return 0.0;
  const Json number = Json::parse(value.get_ref<const std::string&>(), nullptr, false);
  return number.is_number() ? number.get<double>() : 0.0;
}

std::string to_text(const Json& value) {
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
