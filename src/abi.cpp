#include <mesh/detail/abi.hpp>

namespace mesh::detail {

template <>
void program_and_library_are_compiled_with<MacrosOfThisFile>() noexcept {}

template <>
void program_and_library_are_compiled_with<BoostOfThisFile>() noexcept {}

}  // namespace mesh::detail
