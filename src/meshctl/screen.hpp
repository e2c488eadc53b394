#pragma once

#include <string>
#include <vector>

namespace mesh::ctl {

/// Lines on a terminal that are drawn over themselves. The cursor is hidden meanwhile.
class Screen {
 public:
  Screen();
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  /// No line may be wider than the terminal; those that are too many are left out, and counted.
  void draw(const std::vector<std::string>& lines);

 private:
  std::size_t drawn_ = 0;
};

}  // namespace mesh::ctl
