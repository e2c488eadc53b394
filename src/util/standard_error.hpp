#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>

namespace mesh {

/// The standard error of the process as it is when this is made. What cannot be written there is
/// dropped: also when nobody reads any more, where it is full, and where descriptor 2 has become
/// something else or was closed when the program started.
class StandardError {
 public:
  StandardError();

  /// From any thread. Neither raises a signal nor waits for a reader.
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
