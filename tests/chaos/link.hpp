#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy.hpp"
#include "world.hpp"

namespace mesh::chaos {

/// The way of one process to Redis: a proxy to each server. With Sentinel there is one more, which
/// puts the ports of the proxies into Sentinel's answers.
class Link {
 public:
  /// Called on the proxy thread with the channel and the text of each request that passes.
  using OnRequest = std::function<void(const std::string& channel, const std::string& text)>;

  Link(ProxyThread& thread, World& world, OnRequest on_request);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  std::uint16_t port() const { return servers_.front()->port(); }
  /// Of each server, and of the proxy to it.
  const std::vector<std::pair<std::uint16_t, std::uint16_t>>& ports() const { return ports_; }
  std::uint16_t sentinel_port() const { return sentinel_ ? sentinel_->port() : 0; }

  void cut() { each(&Proxy::cut); }
  void restore() { each(&Proxy::restore); }
  void drop() { each(&Proxy::drop); }
  void darken() { each(&Proxy::darken); }
  void deafen() { each(&Proxy::deafen); }
  void freeze() { each(&Proxy::freeze); }
  void thaw() { each(&Proxy::thaw); }
  void throttle(std::size_t rate);
  /// New connections go to the server at this port; without Sentinel only.
  void lead_to(std::uint16_t port);

  /// Cuts after the renewal of the leader lock; see Proxy. Returns when the renewal passed, or 0 if
  /// there was none for a while.
  Nanoseconds cut_after_renewal(std::chrono::milliseconds hold, std::chrono::milliseconds patience);

 private:
  void each(void (Proxy::*action)());

  ProxyThread& thread_;
  std::string renewal_;  // what a renewal of the lock says
  std::vector<std::pair<std::uint16_t, std::uint16_t>> ports_;
  std::vector<std::shared_ptr<Proxy>> servers_;
  std::shared_ptr<Proxy> sentinel_;
};

/// The value of the next bulk string of the Redis protocol, from `position` on, which moves behind
/// it; empty if it is not all there.
std::string next_bulk(const std::string& bytes, std::size_t& position);

}  // namespace mesh::chaos
