#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <boost/asio/use_awaitable.hpp>

#include <mesh/detail/call.hpp>
#include <mesh/detail/core_handle.hpp>
#include <mesh/detail/fixed_string.hpp>
#include <mesh/detail/misuse.hpp>
#include <mesh/detail/payload.hpp>
#include <mesh/detail/prepare_call.hpp>
#include <mesh/detail/unsafe_temporary.hpp>
#include <mesh/gathering.hpp>
#include <mesh/options.hpp>

namespace mesh {

/// The calls of a `MeshService` for which the library chooses the nodes, from what nodes say that
/// they serve. Each service keeps a view of the others from its first such call on, or its first
/// `watch_nodes()`: the first call waits until the list of nodes has been read, after that nodes
/// are chosen without asking Redis. Nodes announce when they join or leave, and which handlers they
/// have, so others know it after a round trip; a node that dies is known until the leader has
/// removed it. Nodes in TypeScript announce nothing and are never chosen; nor is a node without
/// handlers. Threads, tokens and cancellation are as for `MeshService::invoke()`.
template <typename Service, typename Messages>
class GroupCalls {
  template <detail::FixedString Name>
  using MessageOf = typename Messages::template find<Name>;
  template <detail::FixedString Name>
  using Checked = detail::MessageTypes<MessageOf<Name>>;

 public:
  /// Calls the handler `Name` of one node that has it, chosen by `AnyOptions::route`, and completes
  /// with its response. This node is one of them, unless `skip_self` is set; the request is then
  /// encoded and decoded as for any other, but does not go over Redis.
  ///
  /// Where it is certain that the handler of the chosen node has not run, another node is called at
  /// once, up to `attempts` in all; the last error is thrown. A node that nobody listens for, that
  /// is stopping, busy, or has no such handler any more, is passed over for a second, one that kept
  /// silent until a timeout for a `heartbeat_interval`, if there are others and unless it is the
  /// one for a key.
  ///
  /// Throws as `MeshService::invoke()`, `MeshNoNodeError` if no node that is known serves the
  /// message, and `std::invalid_argument` for less than one attempt. Name the request in a variable
  /// as for `MeshService::invoke()`.
  template <detail::FixedString Name, typename CompletionToken = boost::asio::use_awaitable_t<>>
  requires(!std::is_void_v<typename Checked<Name>::request>) auto invoke_any(
      const detail::Boxed<typename Checked<Name>::request>& request, AnyOptions options = {},
      CompletionToken&& token = {}) {
    return start_any<Name, CompletionToken>(request, options, token);
  }

  /// The same for a temporary request.
  template <detail::FixedString Name, typename CompletionToken = boost::asio::use_awaitable_t<>>
  requires(!std::is_void_v<typename Checked<Name>::request>) auto invoke_any(
      detail::Boxed<typename Checked<Name>::request>&& request, AnyOptions options = {},
      CompletionToken&& token = {}) {
    static_assert(!detail::is_unsafe_temporary<typename Checked<Name>::request>,
                  "this compiler destroys a temporary aggregate in a co_await expression twice: "
                  "name the request in a variable and pass that");
    return start_any<Name, CompletionToken>(std::move(request), options, token);
  }

  /// The same for a message without a request payload.
  template <detail::FixedString Name, typename CompletionToken = boost::asio::use_awaitable_t<>>
  requires(std::is_void_v<typename Checked<Name>::request>) auto invoke_any(
      AnyOptions options = {}, CompletionToken&& token = {}) {
    return start_any<Name, CompletionToken>(detail::Boxed<void>{}, options, token);
  }

  /// The same for a handler whose name and types are known at run time only: see
  /// `MeshService::invoke_raw()`.
  template <typename CompletionToken = boost::asio::use_awaitable_t<>>
  auto invoke_any_raw(std::string_view name, const std::string& json, AnyOptions options = {},
                      CompletionToken&& token = {}) {
    auto owner = std::make_shared<const std::string>(name);
    const std::string_view type = *owner;
    return begin_any<detail::RawJson, detail::RawJson, CompletionToken>(type, std::move(owner),
                                                                        json, options, token);
  }

  /// Calls the handler `Name` of every node that has it, all at the same time, and completes with
  /// one `Gathered` for each, in the order in which they ended. A node that nobody listens for ends
  /// its call at once. Nobody serving the message is no error: then nothing is gathered. Those that
  /// were given up, because `AllOptions::enough` have answered, have
  /// `boost::asio::error::operation_aborted` as their error; a cancellation gives up all. This node
  /// is one of them, as for `invoke_any()`.
  ///
  /// Throws `MeshNotRunningError`, `MeshEncodeError`, `MeshRefusedError` (by an interceptor, which
  /// is told of all calls as of one), `MeshStoppedError`; where the list of nodes could not be read
  /// in time what was the reason, such as `MeshConnectionError`, or `MeshRequestTimeoutError`;
  /// `MeshDeadlineError` if the deadline had passed before; `MeshLimitError` if too many calls wait
  /// for the list; `std::invalid_argument` as `MeshService::invoke()`.
  template <detail::FixedString Name, typename CompletionToken = boost::asio::use_awaitable_t<>>
  requires(!std::is_void_v<typename Checked<Name>::request>) auto invoke_all(
      const detail::Boxed<typename Checked<Name>::request>& request, AllOptions options = {},
      CompletionToken&& token = {}) {
    return start_all<Name, CompletionToken>(request, options, token);
  }

  /// The same for a message without a request payload.
  template <detail::FixedString Name, typename CompletionToken = boost::asio::use_awaitable_t<>>
  requires(std::is_void_v<typename Checked<Name>::request>) auto invoke_all(
      AllOptions options = {}, CompletionToken&& token = {}) {
    return start_all<Name, CompletionToken>(detail::Boxed<void>{}, options, token);
  }

  /// The same for a handler whose name and types are known at run time only.
  template <typename CompletionToken = boost::asio::use_awaitable_t<>>
  auto invoke_all_raw(std::string_view name, const std::string& json, AllOptions options = {},
                      CompletionToken&& token = {}) {
    auto owner = std::make_shared<const std::string>(name);
    const std::string_view type = *owner;
    return detail::initiate_gathering<detail::RawJson, CompletionToken>(
        detail::prepare_routed_call<detail::RawJson>(core(), type, owner, json, options), type,
        owner, options.enough, token);
  }

  /// Begins the same calls and returns at once; their results are taken one by one. What is wrong
  /// is thrown by the first `Gathering::next()`.
  template <detail::FixedString Name>
  requires(!std::is_void_v<typename Checked<Name>::request>)
      [[nodiscard]] Gathering<typename Checked<Name>::response> gather(
          const detail::Boxed<typename Checked<Name>::request>& request, AllOptions options = {}) {
    return begin_all<Name>(request, options);
  }

  /// The same for a message without a request payload.
  template <detail::FixedString Name>
  requires(std::is_void_v<typename Checked<Name>::request>)
      [[nodiscard]] Gathering<typename Checked<Name>::response> gather(AllOptions options = {}) {
    return begin_all<Name>(detail::Boxed<void>{}, options);
  }

 protected:
  GroupCalls() = default;
  ~GroupCalls() = default;

 private:
  const detail::CoreHandle& core() const { return static_cast<const Service*>(this)->core_; }

  template <detail::FixedString Name, typename CompletionToken, typename Given>
  auto start_any(Given&& request, AnyOptions options,
                 std::remove_reference_t<CompletionToken>& token) {
    return begin_any<typename Checked<Name>::request, typename Checked<Name>::response,
                     CompletionToken>(MessageOf<Name>::name, nullptr, std::forward<Given>(request),
                                      options, token);
  }

  template <detail::FixedString Name, typename CompletionToken>
  auto start_all(const detail::Boxed<typename Checked<Name>::request>& request, AllOptions options,
                 std::remove_reference_t<CompletionToken>& token) {
    return detail::initiate_gathering<typename Checked<Name>::response, CompletionToken>(
        detail::prepare_routed_call<typename Checked<Name>::request>(core(), MessageOf<Name>::name,
                                                                     nullptr, request, options),
        MessageOf<Name>::name, nullptr, options.enough, token);
  }

  template <detail::FixedString Name>
  Gathering<typename Checked<Name>::response> begin_all(
      const detail::Boxed<typename Checked<Name>::request>& request, AllOptions options) {
    return {detail::begin_gathering(detail::prepare_routed_call<typename Checked<Name>::request>(
                                        core(), MessageOf<Name>::name, nullptr, request, options),
                                    options.enough),
            MessageOf<Name>::name, nullptr};
  }

  template <typename Request, typename Response, typename CompletionToken, typename Given>
  auto begin_any(std::string_view type, std::shared_ptr<const std::string> type_owner,
                 Given&& request, AnyOptions options,
                 std::remove_reference_t<CompletionToken>& token) {
    return detail::initiate_call<Response, CompletionToken>(
        detail::prepare_routed_call<Request>(core(), type, std::move(type_owner), request, options),
        token);
  }
};

}  // namespace mesh
