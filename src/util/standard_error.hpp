#pragma once

#include <limits.h>  // NOLINT(modernize-deprecated-headers): PIPE_BUF is no C++
#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string_view>

namespace mesh {

/// The standard error of the process as it is when this is made. What cannot be written there is
/// dropped: also when nobody reads any more, where it is full, and where descriptor 2 has become
/// something else or was closed when the program started.
class StandardError {
 public:
  /// What a pipe takes at once if it takes anything.
  static constexpr std::size_t longest_line = PIPE_BUF;

  StandardError();

  /// From any thread. Neither raises a signal nor waits for a reader; what is longer than
  /// `longest_line` is cut.
  void write(std::string_view line) const noexcept;

 private:
  struct File {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const File&) const = default;
  };

  static std::optional<File> current_file() noexcept;

  std::optional<File> file_;
};

}  // namespace mesh
