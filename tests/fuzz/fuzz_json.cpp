#include <cstddef>
#include <cstdint>
#include <string_view>

#include <fuzz/require.hpp>
#include <support/json_comparison.hpp>

namespace {

void require_no(const char* fault) { mesh::fuzz::require(fault == nullptr, fault ? fault : ""); }

}  // namespace

/// The library's reader takes what nlohmann_json takes, and makes the same of it; and writes the
/// same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  mesh::test::JsonComparison comparison;
  require_no(comparison.fault_of(text));
  require_no(mesh::test::JsonComparison::fault_of_string(text));
  return 0;
}
