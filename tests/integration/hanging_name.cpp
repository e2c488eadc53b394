#include "hanging_name.hpp"

#include <dlfcn.h>
#include <netdb.h>

#include <condition_variable>
#include <mutex>
#include <string_view>

namespace mesh::test::faults {

namespace {

class Gate {
 public:
  void set_closed(bool closed) {
    const std::lock_guard lock(mutex_);
    closed_ = closed;
    opened_.notify_all();
  }
  /// Returns whether it was closed.
  bool pass() {
    std::unique_lock lock(mutex_);
    if (!closed_) return false;
    opened_.wait(lock, [this] { return !closed_; });
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool closed_ = false;
};

Gate& gate() {
  static Gate instance;
  return instance;
}

using Getaddrinfo = int (*)(const char*, const char*, const addrinfo*, addrinfo**);

int look_up(const char* name, const char* service, const addrinfo* hints, addrinfo** results) {
  static const auto real = reinterpret_cast<Getaddrinfo>(dlsym(RTLD_NEXT, "getaddrinfo"));
  if (name == nullptr || HangingName::name() != std::string_view(name)) {
    return real(name, service, hints, results);
  }
  if (gate().pass()) return EAI_AGAIN;
  return real("127.0.0.1", service, hints, results);
}

}  // namespace

HangingName::HangingName() { gate().set_closed(false); }
HangingName::~HangingName() { gate().set_closed(false); }
void HangingName::hang() { gate().set_closed(true); }
void HangingName::release() { gate().set_closed(false); }

const std::string& HangingName::name() {
  static const std::string text = "hanging-name.invalid";
  return text;
}

}  // namespace mesh::test::faults

/// Comes before the system's.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints,
                           addrinfo** results) {
  return mesh::test::faults::look_up(name, service, hints, results);
}
