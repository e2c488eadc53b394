#pragma once

#include <exception>
#include <string>

#include <mesh/errors.hpp>

namespace mesh::chaos {

/// The class of an error that a call ended with, as it stands in the event log.
inline std::string outcome_class(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const MeshNodeUnreachableError&) {
    return "unreachable";
  } catch (const MeshRequestTimeoutError&) {
    return "timeout";
  } catch (const MeshHandlerError&) {
    return "handler_error";
  } catch (const MeshNoHandlerError&) {
    return "no_handler";
  } catch (const MeshStoppedError&) {
    return "stopped";
  } catch (const MeshNotRunningError&) {
    return "not_running";
  } catch (const MeshConnectionError&) {
    return "connection";
  } catch (const MeshRedisError&) {
    return "redis";
  } catch (const MeshLimitError&) {
    return "limit";
  } catch (...) {
    return "other";
  }
}

inline std::string error_text(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "not a std::exception";
  }
}

}  // namespace mesh::chaos
