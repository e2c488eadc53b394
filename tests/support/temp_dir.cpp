#include <support/temp_dir.hpp>

#include <cstdlib>

#include <cerrno>
#include <string>
#include <system_error>

namespace mesh::test {

TempDir::TempDir() {
  std::string name = "/tmp/mesh-test-XXXXXX";
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
