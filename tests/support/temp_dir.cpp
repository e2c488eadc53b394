#include <support/temp_dir.hpp>

#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <system_error>

namespace mesh::test {

namespace {

// In memory if there is enough of it: a server that waits for a busy disk answers nobody for
// seconds.
std::string parent_directory() {
  constexpr std::uintmax_t enough = std::uintmax_t{1} << 30U;
  const std::filesystem::path in_memory = "/dev/shm";
  std::error_code error;
  const auto space = std::filesystem::space(in_memory, error);
  const bool is_good = !error && space.available >= enough && access(in_memory.c_str(), W_OK) == 0;
  return is_good ? in_memory.string() : "/tmp";
}

}  // namespace

TempDir::TempDir() {
  std::string name = parent_directory() + "/mesh-test-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), "mkdtemp");
  }
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace mesh::test
