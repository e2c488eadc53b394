#pragma once

#include <exception>

#include <mesh/errors.hpp>

namespace example {

inline int http_status(mesh::Refusal reason) {
  switch (reason) {
    case mesh::Refusal::limit:
      return 413;
    case mesh::Refusal::deadline:
      return 504;
    case mesh::Refusal::refused:
      return 403;
    default:  // busy, stopping, and a node that has forgotten
      return 503;
  }
}

/// What a gateway answers for a call that has failed. No text is looked at: those may change.
/// Ordered from derived to base, as catch clauses must be.
inline int http_status(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const mesh::MeshNodeUnreachableError&) {
    return 502;
  } catch (const mesh::MeshRequestTimeoutError&) {  // a deadline, too
    return 504;
  } catch (const mesh::MeshHandlerError& error) {
    if (error.code() == "decode") return 400;
    return error.code() == "not_found" ? 404 : 500;  // codes of the application
  } catch (const mesh::MeshRefusedError& error) {
    return http_status(error.reason());
  } catch (const mesh::MeshNoHandlerError&) {
    return 501;
  } catch (const mesh::MeshEncodeError&) {
    return 400;
  } catch (const mesh::MeshLimitError& error) {
    return error.executed() == mesh::Executed::no ? 413 : 502;
  } catch (const mesh::MeshDecodeError&) {
    return 502;
  } catch (const mesh::MeshError&) {  // Redis, or this node stops
    return 503;
  } catch (...) {
    return 500;
  }
}

}  // namespace example
