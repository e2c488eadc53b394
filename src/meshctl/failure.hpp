#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace mesh::ctl {

/// What the program ends with; docs/meshctl.md tells users.
enum class ExitStatus : int {
  ok = 0,
  other = 1,  ///< Wrong usage, and all that has no status of its own.
  unreachable = 2,
  timeout = 3,
  handler = 4,
  refused = 5,
  no_handler = 6,
  redis = 7,
  interrupted = 130,
};

/// The same for `--help`.
extern const char* const exit_status_help;

/// The program was called wrongly.
class UsageError : public std::runtime_error {
 public:
  UsageError(const std::string& what, std::string advice)
      : std::runtime_error(what), advice_(std::move(advice)) {}

  /// What to try.
  const std::string& advice() const noexcept { return advice_; }

 private:
  std::string advice_;
};

/// An error as it is told to people and to programs.
struct Failure {
  ExitStatus status = ExitStatus::other;
  std::string_view kind = "other";  ///< One word, such as "timeout".
  std::string text{};
  std::string advice{};  ///< What to try; may be empty.
};

Failure describe_failure(const std::exception_ptr& error);

/// One JSON object with the kind, the text, and what else the error says.
std::string failure_json(const std::exception_ptr& error);

}  // namespace mesh::ctl
