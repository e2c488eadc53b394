#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <mesh/detail/gather.hpp>
#include <mesh/detail/payload.hpp>
#include <mesh/errors.hpp>
#include <mesh/node.hpp>

namespace mesh {

/// What one node answered to a call of all.
template <typename Response>
struct Gathered {
  InstanceId node = 0;
  std::optional<detail::Boxed<Response>> value{};  ///< Empty if there is an error.
  std::exception_ptr error{};  ///< What `MeshService::invoke()` would have thrown.
};

template <>
struct Gathered<void> {
  InstanceId node = 0;
  std::exception_ptr error{};  ///< What `MeshService::invoke()` would have thrown; null: none.
};

namespace detail {

template <typename Response>
Gathered<Response> decode_gathered(std::string_view type, RawGathered&& raw) {
  Gathered<Response> result;
  result.node = raw.node;
  result.error = std::move(raw.error);
  if constexpr (!std::is_void_v<Response>) {
    if (result.error) return result;
    try {
      result.value.emplace(decode_payload<Response>(type, raw.json, Executed::yes));
    } catch (...) {
      result.error = std::current_exception();
    }
  }
  return result;
}

/// What an asynchronous function returns for its token that completes with all results.
template <typename Response, typename CompletionToken>
auto initiate_gathering(PreparedCall&& call, std::string_view type,
                        std::shared_ptr<const std::string> type_owner, std::size_t enough,
                        std::remove_reference_t<CompletionToken>& token) {
  auto begin = [type, owner = std::move(type_owner), enough](auto handler, PreparedCall prepared) {
    auto decode = [type, owner](std::vector<RawGathered>&& raw) {
      std::vector<Gathered<Response>> results;
      results.reserve(raw.size());
      for (RawGathered& one : raw) {
        results.push_back(decode_gathered<Response>(type, std::move(one)));
      }
      return results;
    };
    gather_all(std::move(prepared), enough,
               ConvertingHandler(std::move(handler), std::move(decode)));
  };
  return asio::async_initiate<CompletionToken,
                              void(std::exception_ptr, std::vector<Gathered<Response>>)>(
      std::move(begin), token, std::move(call));
}

}  // namespace detail

/// Calls to many nodes whose results come one by one: see `MeshService::gather()`. Destroying it
/// gives up the calls that have not ended, and their handlers are cancelled. The service's stop
/// ends the calls; after the service was destroyed, `next()` throws `MeshStoppedError`. One
/// `next()` may be under way at a time; otherwise it is for one thread at a time.
template <typename Response>
class Gathering {
 public:
  /// For the library.
  Gathering(detail::GatherHandle handle, std::string_view type,
            std::shared_ptr<const std::string> type_owner)
      : handle_(std::move(handle)), type_(type), type_owner_(std::move(type_owner)) {}

  /// Completes with the next result, as soon as there is one, and with nothing when each call has
  /// ended and its result was taken. Throws what kept the calls from beginning: see
  /// `MeshService::invoke_all()`. A cancellation of this ends none of the calls.
  template <typename CompletionToken = boost::asio::use_awaitable_t<>>
  auto next(CompletionToken&& token = {}) {
    return boost::asio::async_initiate<CompletionToken,
                                       void(std::exception_ptr, std::optional<Gathered<Response>>)>(
        [reference = handle_.reference(), type = type_, owner = type_owner_](auto handler) {
          auto locked = reference.lock();
          if (!locked) {
            const auto executor = boost::asio::get_associated_executor(handler);
            boost::asio::post(executor, [handler = std::move(handler)]() mutable {
              std::move(handler)(detail::stopped_error(), std::optional<Gathered<Response>>());
            });
            return;
          }
          auto decode = [type, owner](std::optional<detail::RawGathered>&& raw) {
            std::optional<Gathered<Response>> result;
            if (raw) result = detail::decode_gathered<Response>(type, std::move(*raw));
            return result;
          };
          std::move(*locked).next(detail::ConvertingHandler(std::move(handler), std::move(decode)));
        },
        token);
  }

  /// Gives up the calls that have not ended: their results are then errors with
  /// `boost::asio::error::operation_aborted`.
  void cancel() { handle_.cancel(); }

 private:
  detail::GatherHandle handle_;
  std::string_view type_;
  std::shared_ptr<const std::string> type_owner_;
};

}  // namespace mesh
