#include <meshctl/screen.hpp>

#include <algorithm>
#include <cstdio>

#include <meshctl/terminal.hpp>

namespace mesh::ctl {

namespace {

void write(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

Screen::Screen() { write("\x1b[?25l"); }

Screen::~Screen() { write("\x1b[?25h"); }

void Screen::draw(const std::vector<std::string>& lines) {
  const std::size_t room = std::max<std::size_t>(terminal_height(), 3) - 1;
  const bool fits = lines.size() <= room;
  const std::size_t shown = fits ? lines.size() : room - 1;
  std::string text;
  // In one write, and each line cleared behind its end only, so that nothing flickers.
  if (drawn_ > 0) text += "\x1b[" + std::to_string(drawn_) + "A\r";
  for (std::size_t i = 0; i < shown; ++i) text += lines[i] + "\x1b[K\n";
  if (!fits) text += "... and " + std::to_string(lines.size() - shown) + " more\x1b[K\n";
  text += "\x1b[J";
  write(text);
  drawn_ = fits ? shown : room;
}

}  // namespace mesh::ctl
