#pragma once

#include <exception>
#include <string>
#include <string_view>

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
  } catch (const MeshRefusedError&) {
    return "refused";
  } catch (const MeshNoHandlerError&) {
    return "no_handler";
  } catch (const MeshNoNodeError&) {
    return "no_node";
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

/// What the error says of whether the handler ran.
inline std::string executed_text(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const MeshError& e) {
    return std::string(to_string(e.executed()));
  } catch (...) {
    return "maybe";
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
