#pragma once

#include <filesystem>

namespace mesh::test {

/// A fresh directory that is removed with everything in it. Its path is short enough for unix
/// sockets.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace mesh::test
