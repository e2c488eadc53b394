#pragma once

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace mesh::ctl {

enum class Colour { plain, bold, dim, red, green, yellow };

/// Whether it is a terminal that people look at.
bool is_terminal(std::FILE* stream);
/// In columns; 80 where that is not known.
std::size_t terminal_width();
std::size_t terminal_height();

/// The text in this colour where standard output is a terminal and NO_COLOR is not set.
std::string coloured(Colour colour, std::string_view text);

/// A line on standard output, at once. Where nobody reads it any more, the program is interrupted
/// as by Ctrl-C, so that it leaves the mesh.
void print_line(std::string_view line);

/// What others have sent, with control characters made visible, so that it can do nothing to the
/// terminal.
std::string printable(std::string_view text);
/// The same of several lines.
std::string printable_lines(std::string_view text);
/// The same of JSON, which stays what it is, in one line.
std::string printable_json(std::string_view json);

/// How many columns a UTF-8 text takes, if each character takes one.
std::size_t width_of(std::string_view text);
/// Its beginning, with "…" at the end if it had to be cut. The text must have no colours.
std::string cut_to(std::string_view text, std::size_t width);

/// Such as "870 µs" or "1.23 s".
std::string duration_text(std::chrono::nanoseconds duration);
/// Of long times: such as "12 s", "3 min", "5 h" or "12 d".
std::string age_text(std::chrono::milliseconds age);
/// Such as "2026-11-30 12:03:04", in local time.
std::string time_text(std::chrono::system_clock::time_point time);
/// Such as "2026-11-30T12:03:04.120Z".
std::string iso_time(std::chrono::system_clock::time_point time);

/// Columns under headings. Those of numbers are aligned to the right.
class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string heading;
    Align align = Align::left;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// One text for each column, which is made printable.
  void add(std::vector<std::string> row);
  std::size_t rows() const { return rows_.size(); }
  /// The heading and the rows, each cut to the width.
  std::vector<std::string> lines(std::size_t width) const;
  /// On standard output; cut only where that is a terminal.
  void print() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace mesh::ctl
