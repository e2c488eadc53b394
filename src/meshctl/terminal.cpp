#include <meshctl/terminal.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <utility>

namespace mesh::ctl {

namespace {

std::string number_text(double value, const char* unit) {
  std::array<char, 48> text{};
  const int digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  std::snprintf(text.data(), text.size(), "%.*f %s", digits, value, unit);
  return text.data();
}

winsize size_of_terminal() {
  winsize size{};
  for (const int descriptor : {STDOUT_FILENO, STDERR_FILENO}) {
    if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) break;
  }
  return size;
}

std::string format_time(const std::tm& time, const char* format) {
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), format, &time)};
}

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }

}  // namespace

bool is_terminal(std::FILE* stream) { return isatty(fileno(stream)) != 0; }

std::size_t terminal_width() {
  const std::size_t width = size_of_terminal().ws_col;
  return width > 0 ? width : 80;
}

std::size_t terminal_height() {
  const std::size_t height = size_of_terminal().ws_row;
  return height > 0 ? height : 24;
}

std::string coloured(Colour colour, std::string_view text) {
  static const bool has_colours = is_terminal(stdout) && std::getenv("NO_COLOR") == nullptr;
  if (!has_colours || colour == Colour::plain) return std::string(text);
  constexpr std::array codes{"0", "1", "2", "31", "32", "33"};
  return std::string("\x1b[") + codes[static_cast<std::size_t>(colour)] + "m" + std::string(text) +
         "\x1b[0m";
}

void print_line(std::string_view line) {
  const bool is_written = std::fwrite(line.data(), 1, line.size(), stdout) == line.size() &&
                          std::fputc('\n', stdout) != EOF && std::fflush(stdout) == 0;
  if (is_written) return;
  static bool is_interrupted = false;
  if (!std::exchange(is_interrupted, true)) std::raise(SIGTERM);
}

std::string printable_lines(std::string_view text) {
  std::string result;
  for (;;) {
    const auto end = text.find('\n');
    result += printable(text.substr(0, end));
    if (end == std::string_view::npos) return result;
    result += '\n';
    text.remove_prefix(end + 1);
  }
}

// In JSON that is well-formed, control characters below a space stand between its parts only.
std::string printable_json(std::string_view json) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result;
  const auto append_escape = [&](unsigned char code) {
    result += "\\u00";
    result += digits[code >> 4U];
    result += digits[code & 0xfU];
  };
  for (std::size_t i = 0; i < json.size(); ++i) {
    const auto byte = static_cast<unsigned char>(json[i]);
    const unsigned char next =
        i + 1 < json.size() ? static_cast<unsigned char>(json[i + 1]) : std::uint8_t{0};
    if (byte == 0xc2 && next >= 0x80 && next < 0xa0) {
      append_escape(next);
      ++i;
    } else if (byte == 0x7f) {
      append_escape(byte);
    } else {
      result += byte < 0x20 ? ' ' : json[i];
    }
  }
  return result;
}

std::string printable(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // The second byte of U+0080 to U+009F, which some terminals obey as well.
    const bool is_c1 =
        byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (byte >= 0x20 && byte != 0x7f && !is_c1) {
      result += text[i];
      continue;
    }
    if (is_c1) ++i;
    result += '?';
  }
  return result;
}

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, begins_character));
}

std::string cut_to(std::string_view text, std::size_t width) {
  if (width_of(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::size_t end = 0;
  std::size_t taken = 0;
  while (end < text.size()) {
    if (begins_character(text[end]) && ++taken == width) break;
    ++end;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string duration_text(std::chrono::nanoseconds duration) {
  const double in_us = std::chrono::duration<double, std::micro>(duration).count();
  if (in_us < 1000) return number_text(in_us, "µs");
  if (in_us < 1e6) return number_text(in_us / 1e3, "ms");
  return number_text(in_us / 1e6, "s");
}

std::string age_text(std::chrono::milliseconds age) {
  const double seconds = std::chrono::duration<double>(age).count();
  if (seconds < 1) return std::to_string(std::max<std::int64_t>(age.count(), 0)) + " ms";
  if (seconds < 120) return std::to_string(static_cast<std::int64_t>(seconds)) + " s";
  if (seconds < 7200) return std::to_string(static_cast<std::int64_t>(seconds / 60)) + " min";
  if (seconds < 172800) return std::to_string(static_cast<std::int64_t>(seconds / 3600)) + " h";
  return std::to_string(static_cast<std::int64_t>(seconds / 86400)) + " d";
}

std::string time_text(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  localtime_r(&seconds, &parts);
  return format_time(parts, "%Y-%m-%d %H:%M:%S");
}

std::string iso_time(std::chrono::system_clock::time_point time) {
  const auto floor = std::chrono::floor<std::chrono::seconds>(time);
  const std::time_t seconds = std::chrono::system_clock::to_time_t(floor);
  const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(time - floor);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 16> tail{};
  std::snprintf(tail.data(), tail.size(), ".%03dZ", static_cast<int>(rest.count()));
  return format_time(parts, "%Y-%m-%dT%H:%M:%S") + tail.data();
}

void Table::add(std::vector<std::string> row) {
  for (std::string& text : row) text = printable(text);
  row.resize(columns_.size());
  rows_.push_back(std::move(row));
}

std::vector<std::string> Table::lines(std::size_t width) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t widest = width_of(columns_[i].heading);
    for (const auto& row : rows_) widest = std::max(widest, width_of(row[i]));
    widths.push_back(widest);
  }
  const auto line_of = [&](const auto& text_at) {
    std::string line;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string& text = text_at(i);
      const std::string padding(widths[i] - width_of(text), ' ');
      if (i > 0) line += "  ";
      line += columns_[i].align == Align::right ? padding + text : text + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return cut_to(line, width);
  };
  std::vector<std::string> lines;
  lines.push_back(
      line_of([&](std::size_t i) -> const std::string& { return columns_[i].heading; }));
  for (const auto& row : rows_) {
    lines.push_back(line_of([&](std::size_t i) -> const std::string& { return row[i]; }));
  }
  return lines;
}

void Table::print() const {
  const std::size_t width = is_terminal(stdout) ? terminal_width() : std::string::npos;
  const auto all = lines(width);
  print_line(coloured(Colour::bold, all.front()));
  for (std::size_t i = 1; i < all.size(); ++i) print_line(all[i]);
}

}  // namespace mesh::ctl
