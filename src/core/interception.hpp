#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include <mesh/detail/gate.hpp>
#include <mesh/interceptor.hpp>
#include <mesh/log.hpp>

namespace mesh::core {

/// The interceptors of a service. All members may be called from any thread.
class Interception {
 public:
  /// What interceptors want back at the end of a call, by their order; empty if none does.
  using Kept = std::vector<std::shared_ptr<void>>;

  /// Once `gate` is closed, they are told of no handler's end any more.
  Interception(std::vector<std::shared_ptr<Interceptor>> interceptors, LogSink log,
               std::shared_ptr<const detail::Gate> gate)
      : interceptors_(std::move(interceptors)), log_(std::move(log)), gate_(std::move(gate)) {}

  /// Both throw `MeshRefusedError`, after those that had agreed were told of the end.
  Kept before_call(CallStart& call) const;
  void before_handler(const CallContext& call) const;
  /// Fills in what each has kept.
  void after_call(CallEnd& call, const Kept& kept) const noexcept;
  void after_handler(const CallContext& call, const HandlerEnd& end) const noexcept;

 private:
  template <typename Before, typename After>
  void ask_all(Before before, After after) const;
  template <typename After>
  void tell_first(std::size_t count, After after) const noexcept;
  void tell_end(std::size_t index, CallEnd& call, const Kept& kept) const;

  std::vector<std::shared_ptr<Interceptor>> interceptors_;
  LogSink log_;
  std::shared_ptr<const detail::Gate> gate_;
};

}  // namespace mesh::core
