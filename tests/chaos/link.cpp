#include "link.hpp"

#include <cstddef>
#include <string_view>
#include <utility>

#include <support/wait.hpp>

namespace mesh::chaos {

namespace {

std::string bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

/// RESP of the keys of the renewal of the lock; a release has the same, attempts to acquire have
/// one more.
std::string renewal_text(const std::string& lock) {
  return "\r\n" + bulk("2") + bulk(lock) + bulk(lock + ":last_term");
}

void report_requests(const std::string& bytes, const Link::OnRequest& on_request) {
  constexpr std::string_view publish = "PUBLISH\r\n";  // or SPUBLISH
  std::size_t position = 0;
  while ((position = bytes.find(publish, position)) != std::string::npos) {
    position += publish.size();
    const std::string channel = next_bulk(bytes, position);
    const std::string text = next_bulk(bytes, position);
    if (channel.find(":node:") != std::string::npos &&
        text.find("\"timeoutMs\"") != std::string::npos) {
      on_request(channel, text);
    }
  }
}

void replace_all(std::string& bytes, const std::string& from, const std::string& to) {
  for (std::size_t at = bytes.find(from); at != std::string::npos; at = bytes.find(from, at)) {
    bytes.replace(at, from.size(), to);
    at += to.size();
  }
}

}  // namespace

std::string next_bulk(const std::string& bytes, std::size_t& position) {
  if (position >= bytes.size() || bytes[position] != '$') return "";
  const std::size_t line_end = bytes.find("\r\n", position);
  if (line_end == std::string::npos) return "";
  const std::size_t size = std::stoul(bytes.substr(position + 1, line_end - position - 1));
  const std::size_t begin = line_end + 2;
  if (begin + size + 2 > bytes.size()) return "";
  position = begin + size + 2;
  return bytes.substr(begin, size);
}

Link::Link(ProxyThread& thread, World& world, OnRequest on_request)
    : thread_(thread), renewal_(renewal_text(world.lock())) {
  std::vector<std::pair<std::string, std::string>> ports;
  thread_.ask([&] {
    for (test::RedisServer* server : world.servers()) {
      Proxy::Taps taps;
      taps.to_server = [on_request](std::string& bytes) { report_requests(bytes, on_request); };
      servers_.push_back(
          std::make_shared<Proxy>(thread_.context(), server->port(), std::move(taps)));
      servers_.back()->start();
      ports_.emplace_back(server->port(), servers_.back()->port());
      ports.emplace_back(bulk(std::to_string(server->port())),
                         bulk(std::to_string(servers_.back()->port())));
    }
    if (!world.has_sentinel()) return;
    Proxy::Taps taps;
    taps.to_client = [ports](std::string& bytes) {
      for (const auto& [real, ours] : ports) replace_all(bytes, real, ours);
    };
    sentinel_ = std::make_shared<Proxy>(thread_.context(), world.sentinel_port(), std::move(taps));
    sentinel_->start();
  });
}

Link::~Link() { each(&Proxy::stop); }

void Link::each(void (Proxy::*action)()) {
  thread_.ask([&] {
    for (const auto& proxy : servers_) (proxy.get()->*action)();
    if (sentinel_) (sentinel_.get()->*action)();
  });
}

void Link::throttle(std::size_t rate) {
  thread_.ask([&] {
    for (const auto& proxy : servers_) proxy->throttle(rate);
  });
}

void Link::lead_to(std::uint16_t port) {
  thread_.ask([&] { servers_.front()->lead_to(port); });
}

Nanoseconds Link::cut_after_renewal(std::chrono::milliseconds hold,
                                    std::chrono::milliseconds patience) {
  thread_.ask([&] {
    for (const auto& proxy : servers_) proxy->cut_after(renewal_, hold);
  });
  Nanoseconds time = 0;
  test::wait_until(
      [&] {
        return thread_.ask([&] {
          for (const auto& proxy : servers_) {
            if (proxy->cut_after_time() != 0) time = proxy->cut_after_time();
          }
          return time != 0;
        });
      },
      patience);
  thread_.ask([&] {
    for (const auto& proxy : servers_) proxy->forget_cut_after();
  });
  if (time != 0) cut();
  return time;
}

}  // namespace mesh::chaos
