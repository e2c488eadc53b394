#include "event_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <system_error>
#include <utility>

namespace mesh::chaos {

Nanoseconds now_ns() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

EventLog::EventLog(const std::filesystem::path& file)
    : file_(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
  if (file_.get() < 0) throw std::system_error(errno, std::generic_category(), file.string());
}

void EventLog::write(std::string_view event, nlohmann::json fields) {
  fields["t"] = now_ns();
  fields["e"] = event;
  const std::string line = fields.dump() + "\n";
  const ssize_t written = ::write(file_.get(), line.data(), line.size());
  if (written != static_cast<ssize_t>(line.size())) {
    throw std::system_error(errno, std::generic_category(), "writing the event log");
  }
}

}  // namespace mesh::chaos
