#include <meshctl/failure.hpp>

#include <utility>

#include <mesh/errors.hpp>
#include <nlohmann/json.hpp>

#include <meshctl/terminal.hpp>
#include <util/cancellation.hpp>

namespace mesh::ctl {

const char* const exit_status_help =
    "Exit status:\n"
    "  0  it worked\n"
    "  1  wrong usage, or an error that is none of these\n"
    "  2  nobody listens under the id, or no node serves the message\n"
    "  3  no answer within --timeout, or the deadline has passed\n"
    "  4  the handler failed\n"
    "  5  the node refused: it is busy, leaves, or has its reasons\n"
    "  6  the node has no handler for the message\n"
    "  7  Redis cannot be reached, or refuses what is needed\n"
    "  130  interrupted\n";

namespace {

std::string handler_text(const MeshHandlerError& error) {
  std::string text = std::string("the handler failed: ") + error.what();
  if (!error.code().empty()) text += " (code " + error.code() + ")";
  if (!error.details().empty()) text += "\ndetails: " + error.details();
  return text;
}

// Without the field of the options that the address came from, which a user does not see.
std::string connection_text(const MeshConnectionError& error) {
  const std::string port = error.port() == 0 ? "" : ":" + std::to_string(error.port());
  return "cannot use Redis at " + error.host() + port + ": " + error.cause();
}

}  // namespace

// Ordered from derived to base, as catch clauses must be.
Failure describe_failure(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const UsageError& usage) {
    return {ExitStatus::other, "usage", usage.what(), usage.advice()};
  } catch (const MeshNodeUnreachableError& unreachable) {
    return {ExitStatus::unreachable, "unreachable", unreachable.what(),
            "`meshctl nodes` shows who is there"};
  } catch (const MeshDeadlineError& deadline) {
    return {ExitStatus::timeout, "deadline", deadline.what(), "give a longer --deadline"};
  } catch (const MeshRequestTimeoutError& timeout) {
    return {ExitStatus::timeout, "timeout", timeout.what(),
            "the node hangs or has died: `meshctl ping` shows whether it answers at all"};
  } catch (const MeshHandlerError& handler) {
    return {ExitStatus::handler, "handler", handler_text(handler), {}};
  } catch (const MeshNoHandlerError& missing) {
    return {ExitStatus::no_handler, "no_handler", missing.what(),
            "`meshctl nodes --long` shows what nodes serve"};
  } catch (const MeshNoNodeError& nobody) {
    return {ExitStatus::unreachable, "no_node", nobody.what(),
            "`meshctl nodes --long` shows what nodes serve; nodes in TypeScript do not say, so "
            "call them by their id"};
  } catch (const MeshRefusedError& refused) {
    return {ExitStatus::refused, "refused", refused.what(), {}};
  } catch (const MeshConnectionError& connection) {
    return {ExitStatus::redis, "connection", connection_text(connection),
            "the address is that of --url, or else of MESH_REDIS_* or REDIS_*: is Redis there? "
            "See also `meshctl doctor`"};
  } catch (const MeshRedisError& refusal) {
    return {ExitStatus::redis, "redis", refusal.what(),
            "docs/security.md lists the rights that a node needs"};
  } catch (const MeshError& other) {
    return {ExitStatus::other, "other", other.what(), {}};
  } catch (const std::exception& other) {
    if (is_cancellation(error)) return {ExitStatus::interrupted, "cancelled", "interrupted", {}};
    return {ExitStatus::other, "other", other.what(), {}};
  } catch (...) {
    return {ExitStatus::other, "other", "an unknown error", {}};
  }
}

std::string failure_json(const std::exception_ptr& error) {
  nlohmann::ordered_json json;
  json["kind"] = describe_failure(error).kind;
  try {
    std::rethrow_exception(error);
  } catch (const MeshHandlerError& handler) {
    json["message"] = handler.what();
    if (!handler.code().empty()) json["code"] = handler.code();
    if (!handler.details().empty()) {
      auto details = nlohmann::ordered_json::parse(handler.details(), nullptr, false);
      // Such as 1e400, which is JSON, and too large for this reader.
      if (details.is_discarded()) details = handler.details();
      json["details"] = std::move(details);
    }
  } catch (const std::exception& other) {
    json["message"] = other.what();
  } catch (...) {
    json["message"] = "an unknown error";
  }
  return printable_json(
      json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

}  // namespace mesh::ctl
