#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mesh/detail/core_handle.hpp>
#include <mesh/detail/handler.hpp>

#include <wire/json_text.hpp>

namespace mesh::detail {

namespace {

using Pointer = Json::json_pointer;
using Decode = std::function<void(const Json&)>;

struct Failure {
  std::string cause;
  std::optional<std::string> missing_key;
};

// nlohmann_json begins its messages with "[json.exception.<kind>.<number>] ".
std::string strip_exception_tag(std::string_view text) {
  const auto end = text.starts_with("[json.exception.") ? text.find("] ") : std::string_view::npos;
  return std::string(end == std::string_view::npos ? text : text.substr(end + 2));
}

std::optional<std::string> find_missing_key(const Json::out_of_range& error) {
  constexpr int key_not_found = 403;
  const std::string_view text = error.what();
  const auto begin = text.find('\'');
  const auto end = text.rfind('\'');
  if (error.id != key_not_found || begin == end) return std::nullopt;
  return std::string(text.substr(begin + 1, end - begin - 1));
}

Failure describe_current_exception() {
  try {
    throw;
  } catch (const Json::out_of_range& error) {
    return {strip_exception_tag(error.what()), find_missing_key(error)};
  } catch (const std::exception& error) {
    return {strip_exception_tag(error.what()), std::nullopt};
  }
}

/// Finds the field at fault by trying which single change makes the document decode, since
/// nlohmann_json does not say where it was. Bounded, as the document may come from anybody.
class FaultFinder {
 public:
  FaultFinder(const Json& document, const Failure& failure, const Decode& decode)
      : document_(document), failure_(failure), decode_(decode) {}

  std::string find() {
    attempts_left_ = std::min(max_attempts, max_work / weight(document_));
    collect(Pointer(), document_);
    const auto found = failure_.missing_key ? find_missing() : find_mistyped(false);
    if (found) return found->to_string();
    if (failure_.missing_key) return (Pointer() / *failure_.missing_key).to_string();
    // With more than one fault no single change helps, but one may bring another complaint.
    const auto likely = find_mistyped(true);
    return likely ? likely->to_string() : std::string();
  }

 private:
  static constexpr std::size_t max_places = 256;
  static constexpr std::size_t max_attempts = 1024;
  static constexpr std::size_t max_work = std::size_t{1} << 16U;  // values copied in all attempts

  static std::size_t weight(const Json& value) {
    constexpr std::size_t bytes_as_costly_as_a_value = 64;
    std::size_t sum = 1;
    if (value.is_string()) {
      sum += value.get_ref<const std::string&>().size() / bytes_as_costly_as_a_value;
    } else if (value.is_structured()) {
      for (const Json& member : value) sum += weight(member);
    }
    return sum;
  }

  // Deepest first, so that a field is blamed before what contains it.
  void collect(const Pointer& place, const Json& value) {
    if (value.is_object()) {
      for (const auto& [key, member] : value.items()) {
        if (places_.size() >= max_places) return;
        collect(place / key, member);
      }
    } else if (value.is_array()) {
      for (std::size_t i = 0; i < value.size() && places_.size() < max_places; ++i) {
        collect(place / i, value[i]);
      }
    }
    places_.push_back(place);
  }

  std::optional<Pointer> find_mistyped(bool accept_other_complaint) {
    for (const Pointer& place : places_) {
      for (const Json& replacement : replacements()) {
        if (try_with(place, replacement, accept_other_complaint)) return place;
      }
    }
    return std::nullopt;
  }

  std::optional<Pointer> find_missing() {
    for (const Pointer& place : places_) {
      const Json& value = document_.at(place);
      if (!value.is_object() || value.contains(*failure_.missing_key)) continue;
      const Pointer added = place / *failure_.missing_key;
      for (const Json& replacement : replacements()) {
        if (try_with(added, replacement, true)) return added;
      }
    }
    return std::nullopt;
  }

  bool try_with(const Pointer& place, const Json& replacement, bool accept_other_complaint) {
    if (attempts_left_ == 0) return false;
    --attempts_left_;
    Json altered = document_;
    altered[place] = replacement;
    try {
      decode_(altered);
      return true;
    } catch (const std::exception& error) {
      const std::string cause = strip_exception_tag(error.what());
      return accept_other_complaint && cause != failure_.cause &&
             !cause.ends_with(std::string("is ") + replacement.type_name());
    }
  }

  static const std::vector<Json>& replacements() {
    static const std::vector<Json> values{
        "", 0, 0.5, false, nullptr, Json::array(), Json::object()};
    return values;
  }

  const Json& document_;
  const Failure& failure_;
  const Decode& decode_;
  std::vector<Pointer> places_;
  std::size_t attempts_left_ = 0;
};

bool is_writable(const Json& value) {
  try {
    std::string ignored;
    wire::append_exact_json(ignored, value);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

/// The first value that has no JSON text, or object with a key that has none.
std::optional<Pointer> find_unwritable(const Json& value) {
  if (!value.is_structured()) {
    return is_writable(value) ? std::nullopt : std::optional<Pointer>(Pointer());
  }
  std::size_t index = 0;
  for (auto member = value.begin(); member != value.end(); ++member, ++index) {
    if (value.is_object() && !is_writable(member.key())) return Pointer();
    if (const auto place = find_unwritable(*member)) {
      const Pointer here = value.is_object() ? Pointer() / member.key() : Pointer() / index;
      return here / *place;
    }
  }
  return std::nullopt;
}

}  // namespace

void throw_decode_error(std::string_view type, const Json& document, const Decode& decode) {
  const Failure failure = describe_current_exception();
  std::string path = FaultFinder(document, failure, decode).find();
  throw MeshDecodeError(std::string(type), std::move(path), failure.cause);
}

void throw_encode_error(std::string_view type) {
  throw MeshEncodeError(std::string(type), describe_current_exception().cause);
}

void throw_encode_error(std::string_view type, const Json& document) {
  const std::string cause = describe_current_exception().cause;
  const auto place = find_unwritable(document);
  throw MeshEncodeError(std::string(type), place ? place->to_string() : std::string(), cause);
}

std::string to_json_text(std::string_view type, const Json& document) {
  std::string text;
  try {
    wire::append_exact_json(text, document);
  } catch (const std::exception&) {
    throw_encode_error(type, document);
  }
  return text;
}

}  // namespace mesh::detail
