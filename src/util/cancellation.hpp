#pragma once

#include <exception>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

namespace mesh {

/// How Asio reports a cancelled operation.
inline std::exception_ptr cancellation_error() {
  return std::make_exception_ptr(
      boost::system::system_error(boost::asio::error::operation_aborted));
}

/// Whether this is how Asio reports a cancelled operation.
inline bool is_cancellation(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& failure) {
    return failure.code() == boost::asio::error::operation_aborted;
  } catch (...) {
    return false;
  }
}

}  // namespace mesh
