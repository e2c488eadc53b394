#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include <mesh/interceptor.hpp>
#include <mesh/log.hpp>

#include <async/strand.hpp>

namespace mesh::core {

/// The interceptors of a service. All members may be called from any thread.
class Interception {
 public:
  Interception(std::vector<std::shared_ptr<Interceptor>> interceptors, LogSink log)
      : interceptors_(std::move(interceptors)), log_(std::move(log)) {}

  /// Both throw `MeshRefusedError`, after those that had agreed were told of the end.
  void before_call(CallStart& call) const;
  void before_handler(const CallContext& call) const;
  void after_call(const CallEnd& call) const noexcept { end_call(call, interceptors_.size()); }
  void after_handler(const CallContext& call, const HandlerEnd& end) const noexcept {
    end_handler(call, end, interceptors_.size());
  }

 private:
  // Of the first so many.
  void end_call(const CallEnd& call, std::size_t count) const noexcept;
  void end_handler(const CallContext& call, const HandlerEnd& end,
                   std::size_t count) const noexcept;
  void complain() const noexcept;

  std::vector<std::shared_ptr<Interceptor>> interceptors_;
  LogSink log_;
};

}  // namespace mesh::core
