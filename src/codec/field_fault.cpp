#include <mesh/detail/field_fault.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <exception>
#include <optional>
#include <string>

#include <mesh/codec.hpp>

#include <codec/complaint.hpp>
#include <codec/json_places.hpp>
#include <util/describe_error.hpp>
#include <wire/json_string.hpp>

namespace mesh::detail {

namespace {

using codec::JsonPlace;

struct Failure {
  std::string cause;
  std::optional<std::string> missing_key;
};

std::optional<std::string> find_missing_key(std::string_view text) {
  const auto begin = text.find('\'');
  const auto end = text.rfind('\'');
  if (!text.starts_with("[json.exception.out_of_range.403]") || begin == end) return std::nullopt;
  return std::string(text.substr(begin + 1, end - begin - 1));
}

Failure describe_current_exception() {
  const std::string text = describe_error(std::current_exception());
  return {std::string(codec::without_exception_tag(text)), find_missing_key(text)};
}

struct Replacement {
  std::string_view json;
  std::string_view type;  // as nlohmann_json calls it
};

constexpr std::array<Replacement, 7> replacements{{{R"("")", "string"},
                                                   {"0", "number"},
                                                   {"0.5", "number"},
                                                   {"false", "boolean"},
                                                   {"null", "null"},
                                                   {"[]", "array"},
                                                   {"{}", "object"}}};

/// Finds the field at fault by trying which single change makes the text decode. Bounded, as the
/// text may come from anybody.
class FaultFinder {
 public:
  FaultFinder(std::string_view json, const Failure& failure, const TryDecode& decode)
      : json_(json), failure_(failure), decode_(decode) {}

  std::string find() {
    constexpr std::size_t bytes_as_costly_as_a_value = 64;
    auto found = codec::find_places(json_, most_places);
    places_ = std::move(found.places);
    const std::size_t weight = found.values + json_.size() / bytes_as_costly_as_a_value;
    attempts_left_ = std::min(most_attempts, most_work / weight);
    if (failure_.missing_key) return find_missing().value_or("/" + *failure_.missing_key);
    if (auto place = find_mistyped(false)) return *place;
    // With more than one fault no single change helps, but one may bring another complaint.
    return find_mistyped(true).value_or("");
  }

 private:
  static constexpr std::size_t most_places = 256;
  static constexpr std::size_t most_attempts = 1024;
  static constexpr std::size_t most_work = std::size_t{1} << 16U;  // values read in all attempts

  std::optional<std::string> find_mistyped(bool accept_other_complaint) {
    for (const JsonPlace& place : places_) {
      for (const Replacement& replacement : replacements) {
        if (attempts_left_ == 0) return std::nullopt;
        const std::string altered = with(place.text, replacement.json);
        if (decodes(altered, replacement, accept_other_complaint)) return place.pointer;
      }
    }
    return std::nullopt;
  }

  std::optional<std::string> find_missing() {
    const std::string& key = *failure_.missing_key;
    for (const JsonPlace& place : places_) {
      if (!place.is_object || std::ranges::count(place.keys, key) > 0) continue;
      for (const Replacement& replacement : replacements) {
        if (attempts_left_ == 0) return std::nullopt;
        std::string member;
        wire::append_any_json_string(member, key);
        member.append(":").append(replacement.json);
        if (!place.keys.empty()) member += ',';
        if (decodes(with(place.text.substr(1, 0), member), replacement, true)) {
          return codec::member_pointer(place.pointer, key);
        }
      }
    }
    return std::nullopt;
  }

  /// The text with something else in place of a part of it.
  std::string with(std::string_view part, std::string_view replacement) const {
    const auto begin = static_cast<std::size_t>(part.data() - json_.data());
    std::string altered(json_);
    return altered.replace(begin, part.size(), replacement);
  }

  bool decodes(const std::string& altered, const Replacement& replacement,
               bool accept_other_complaint) {
    --attempts_left_;
    try {
      decode_(altered);
      return true;
    } catch (const std::exception& error) {
      const std::string_view cause = codec::without_exception_tag(error.what());
      return accept_other_complaint && cause != failure_.cause &&
             !cause.ends_with("is " + std::string(replacement.type));
    } catch (...) {
      return false;
    }
  }

  std::string_view json_;
  const Failure& failure_;
  const TryDecode& decode_;
  std::vector<JsonPlace> places_;
  std::size_t attempts_left_ = 0;
};

}  // namespace

void throw_field_fault(std::string_view json, const TryDecode& decode) {
  const Failure failure = describe_current_exception();
  throw CodecError(FaultFinder(json, failure, decode).find(), failure.cause);
}

void throw_value_fault() { throw CodecError({}, describe_current_exception().cause); }

}  // namespace mesh::detail
