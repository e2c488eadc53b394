#include "hanging_name.hpp"

#include <dlfcn.h>
#include <netdb.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mesh::test::faults {

namespace {

class Gate {
 public:
  void set_closed(bool closed) {
    const std::lock_guard lock(mutex_);
    closed_ = closed;
    opened_.notify_all();
  }
  void set_addresses(std::vector<std::string> addresses) {
    const std::lock_guard lock(mutex_);
    addresses_ = std::move(addresses);
  }
  std::vector<std::string> addresses() {
    const std::lock_guard lock(mutex_);
    return addresses_;
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
  std::vector<std::string> addresses_;
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
  *results = nullptr;
  addrinfo** end = results;
  for (const std::string& address : gate().addresses()) {
    if (const int error = real(address.c_str(), service, hints, end); error != 0) return error;
    while (*end != nullptr) end = &(*end)->ai_next;
  }
  return 0;
}

}  // namespace

HangingName::HangingName() {
  gate().set_closed(false);
  set_addresses({"127.0.0.1"});
}
HangingName::~HangingName() { gate().set_closed(false); }
void HangingName::set_addresses(std::vector<std::string> addresses) {
  gate().set_addresses(std::move(addresses));
}
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
