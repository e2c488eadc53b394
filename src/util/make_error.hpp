#pragma once

#include <exception>
#include <utility>

namespace mesh {

/// As `std::make_exception_ptr()`, but without a temporary that lives on in the caller's statement:
/// standard exceptions share their text, and ThreadSanitizer does not see that its reference count
/// is atomic when another thread has got the error already.
template <typename Error, typename... Arguments>
std::exception_ptr make_error(Arguments&&... arguments) {
  return std::make_exception_ptr(Error(std::forward<Arguments>(arguments)...));
}

}  // namespace mesh
