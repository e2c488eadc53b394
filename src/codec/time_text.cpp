#include <mesh/detail/time_text.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

#include <wire/json_bytes.hpp>

namespace mesh::detail {

namespace {

constexpr std::int64_t seconds_of_day = 86400;

void append_digits(std::string& text, std::int64_t number, std::size_t width) {
  const std::string digits = std::to_string(number);
  text.append(width - std::min(width, digits.size()), '0').append(digits);
}

/// Reads from the front of a text; what does not fit is remembered.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  std::int64_t number(std::size_t width) {
    if (rest_.size() < width) return fail();
    std::int64_t value = 0;
    for (const char c : rest_.substr(0, width)) {
      if (!wire::is_digit(c)) return fail();
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(width);
    return value;
  }

  bool skips(char expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void expect(char expected) {
    if (!skips(expected)) fail();
  }

  /// What stands behind a point; more digits than those of nanoseconds are dropped.
  std::int64_t fraction() {
    const char* const end = std::ranges::find_if_not(rest_, wire::is_digit);
    const auto size = static_cast<std::size_t>(end - rest_.begin());
    if (size == 0) return fail();
    std::string digits(rest_.substr(0, size));
    digits.resize(9, '0');
    rest_.remove_prefix(size);
    return Reader(digits).number(9);
  }

  bool is_good_to_the_end() const { return is_good_ && rest_.empty(); }

 private:
  std::int64_t fail() {
    is_good_ = false;
    return 0;
  }

  std::string_view rest_;
  bool is_good_ = true;
};

}  // namespace

std::string to_time_text(const SplitTime& time) {
  using namespace std::chrono;
  const sys_days day = floor<days>(sys_seconds(seconds(time.seconds)));
  const year_month_day date(day);
  const std::int64_t second =
      time.seconds - std::int64_t{day.time_since_epoch().count()} * seconds_of_day;

  std::string text;
  append_digits(text, int{date.year()}, 4);
  text += '-';
  append_digits(text, unsigned{date.month()}, 2);
  text += '-';
  append_digits(text, unsigned{date.day()}, 2);
  text += 'T';
  append_digits(text, second / 3600, 2);
  text += ':';
  append_digits(text, second / 60 % 60, 2);
  text += ':';
  append_digits(text, second % 60, 2);
  text += '.';
  if (time.nanoseconds % 1'000'000 == 0) {
    append_digits(text, time.nanoseconds / 1'000'000, 3);
  } else if (time.nanoseconds % 1'000 == 0) {
    append_digits(text, time.nanoseconds / 1'000, 6);
  } else {
    append_digits(text, time.nanoseconds, 9);
  }
  return text += 'Z';
}

std::optional<SplitTime> parse_time_text(std::string_view text) {
  using namespace std::chrono;
  Reader reader(text);
  const auto y = static_cast<int>(reader.number(4));
  reader.expect('-');
  const auto m = static_cast<unsigned>(reader.number(2));
  reader.expect('-');
  const auto d = static_cast<unsigned>(reader.number(2));
  reader.expect('T');
  const std::int64_t hour = reader.number(2);
  reader.expect(':');
  const std::int64_t minute = reader.number(2);
  reader.expect(':');
  const std::int64_t second = reader.number(2);
  const std::int64_t nanoseconds = reader.skips('.') ? reader.fraction() : 0;
  std::int64_t offset = 0;  // minutes by which the local time is ahead
  if (!reader.skips('Z')) {
    const bool is_behind = reader.skips('-');
    if (!is_behind) reader.expect('+');
    const std::int64_t hours = reader.number(2);
    reader.expect(':');
    const std::int64_t minutes = reader.number(2);
    if (hours > 23 || minutes > 59) return std::nullopt;
    offset = (hours * 60 + minutes) * (is_behind ? -1 : 1);
  }

  const year_month_day date{year(y), month(m), day(d)};
  if (!reader.is_good_to_the_end() || !date.ok() || hour > 23 || minute > 59 || second > 59) {
    return std::nullopt;
  }
  const std::int64_t midnight =
      std::int64_t{sys_days(date).time_since_epoch().count()} * seconds_of_day;
  return SplitTime{midnight + (hour * 60 + minute - offset) * 60 + second, nanoseconds};
}

}  // namespace mesh::detail
