#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/associator.hpp>

#include <mesh/detail/call.hpp>
#include <mesh/detail/core_handle.hpp>
#include <mesh/node.hpp>

namespace mesh::core {
class Gathering;
}

namespace mesh::detail {

/// What came of one of several calls.
struct RawGathered {
  InstanceId node = 0;
  std::exception_ptr error{};
  std::string json{};  // of the response
};

using GatheredCompletion =
    asio::any_completion_handler<void(std::exception_ptr, std::vector<RawGathered>)>;
using NextCompletion =
    asio::any_completion_handler<void(std::exception_ptr, std::optional<RawGathered>)>;

/// Calls to many nodes, held for as long as one operation takes to begin.
struct LockedGathering {
  std::shared_ptr<core::MeshCore> core;
  std::shared_ptr<core::Gathering> gathering;

  void next(NextCompletion completion) &&;
};

/// The same, which may outlive the service and its contexts.
struct GatherReference {
  std::weak_ptr<core::MeshCore> core;
  std::weak_ptr<core::Gathering> gathering;

  /// Nothing if the service is gone.
  std::optional<LockedGathering> lock() const noexcept;
};

/// Calls that have begun, or will as soon as it is known who is there. Destruction gives up those
/// that have not ended. One thread at a time.
class GatherHandle {
 public:
  explicit GatherHandle(GatherReference reference) : reference_(std::move(reference)) {}
  GatherHandle(GatherHandle&&) noexcept = default;
  GatherHandle& operator=(GatherHandle&& other) noexcept;
  ~GatherHandle();

  const GatherReference& reference() const noexcept { return reference_; }
  void cancel() const;

 private:
  GatherReference reference_;
};

std::exception_ptr stopped_error();

/// Begins the calls. What is wrong, such as the error of `call`, is told later.
GatherHandle begin_gathering(PreparedCall&& call, std::size_t enough);
/// The same, and completes with all results. A cancellation gives up the calls.
void gather_all(PreparedCall&& call, std::size_t enough, GatheredCompletion completion);

/// Hands a handler something else than what it is called with; what is associated with it is what
/// is with the handler.
template <typename Handler, typename Convert>
class ConvertingHandler {
 public:
  ConvertingHandler(Handler handler, Convert convert)
      : handler_(std::move(handler)), convert_(std::move(convert)) {}

  const Handler& handler() const noexcept { return handler_; }

  template <typename Result>
  void operator()(std::exception_ptr error, Result&& result) {
    auto converted = convert_(std::forward<Result>(result));
    std::move(handler_)(std::move(error), std::move(converted));
  }

 private:
  Handler handler_;
  Convert convert_;
};

}  // namespace mesh::detail

template <template <typename, typename> class Associator, typename Handler, typename Convert,
          typename Default>
struct boost::asio::associator<Associator, mesh::detail::ConvertingHandler<Handler, Convert>,
                               Default> {
  using type = typename Associator<Handler, Default>::type;
  static type get(const mesh::detail::ConvertingHandler<Handler, Convert>& converting,
                  const Default& fallback = Default()) noexcept {
    return Associator<Handler, Default>::get(converting.handler(), fallback);
  }
};
