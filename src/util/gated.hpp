#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include <mesh/detail/gate.hpp>
#include <mesh/errors.hpp>
#include <mesh/log.hpp>
#include <mesh/options.hpp>

/// What the user has given to be called while the library works, as long as the gate is open.
namespace mesh {

inline LogSink gated(LogSink log, std::shared_ptr<const detail::Gate> gate) {
  return [log = std::move(log), gate = std::move(gate)](LogLevel level, std::string_view text) {
    if (gate->is_open()) log(level, text);
  };
}

inline RedisOptions gated(RedisOptions redis, std::shared_ptr<const detail::Gate> gate) {
  if (redis.credentials) {
    redis.credentials = [ask = std::move(redis.credentials), gate](RedisPeer peer) {
      if (!gate->is_open()) throw MeshStoppedError();
      return ask(peer);
    };
  }
  if (redis.cluster_address) {
    redis.cluster_address = [ask = std::move(redis.cluster_address),
                             gate = std::move(gate)](RedisAddress announced) {
      if (!gate->is_open()) throw MeshStoppedError();
      return ask(std::move(announced));
    };
  }
  return redis;
}

}  // namespace mesh
