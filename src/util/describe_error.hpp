#pragma once

#include <exception>
#include <string>

namespace mesh {

/// What an exception says of itself, for log lines and error replies.
inline std::string describe_error(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
    return "an exception that is not a std::exception";
  }
}

}  // namespace mesh
