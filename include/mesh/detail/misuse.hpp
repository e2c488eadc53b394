#pragma once

#include <concepts>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

#include <boost/asio/awaitable.hpp>

#include <mesh/detail/fixed_string.hpp>
#include <mesh/detail/payload.hpp>
#include <mesh/detail/payload_check.hpp>
#include <mesh/node.hpp>
#include <mesh/options.hpp>

// Overloads for calls that are wrong, so that the compiler reports once what is wrong. The reason
// is the name of a type that is never defined, with the name that was given as its arguments: no
// compiler prints that in a static_assert, and not every one prints a FixedString as text.

namespace mesh::detail {

namespace asio = boost::asio;

template <char... Name>
struct NameIsNotInTheMessageMap;
template <char... Name>
struct NameIsNotInTheBroadcastMap;
template <char... Name>
struct PassInvokeOptionsBeforeTheCompletionToken;
template <char... Name>
struct PassBroadcastOptionsBeforeTheCompletionToken;

// Awaiting it gives anything, so that nothing else is reported.
using RefusedCall = asio::awaitable<RefusedPayload>;

template <template <char...> typename Reason, FixedString Name, std::size_t... Indices>
RefusedCall refuse_for(std::index_sequence<Indices...> /*indices*/) {
  static_cast<void>(sizeof(Reason<Name.characters[Indices]...>));
  return {};
}

template <template <char...> typename Reason, FixedString Name>
RefusedCall refuse() {
  return refuse_for<Reason, Name>(std::make_index_sequence<sizeof(Name.characters) - 1>{});
}

/// The payload types of an entry of a map; none if it is `void`, which stands for no entry.
template <typename Entry>
struct MessageTypes {
  using request = typename Entry::request_type;
  using response = typename Entry::response_type;
};
template <>
struct MessageTypes<void> {};

template <typename Entry>
struct BroadcastTypes {
  using payload = typename Entry::payload_type;
};
template <>
struct BroadcastTypes<void> {};

/// The overloads for names that are not in a map. A pack takes no braces, so those with options are
/// there as well.
template <typename Messages, typename Broadcasts>
class UnknownNames {
  template <FixedString Name>
  static constexpr bool is_no_message = std::is_void_v<typename Messages::template find<Name>>;
  template <FixedString Name>
  static constexpr bool is_no_broadcast = std::is_void_v<typename Broadcasts::template find<Name>>;

 public:
  template <FixedString Name, typename... Arguments>
  requires is_no_message<Name> RefusedCall invoke(const Arguments&...) {
    return refuse<NameIsNotInTheMessageMap, Name>();
  }
  template <FixedString Name, typename Request, typename... Token>
  requires is_no_message<Name> RefusedCall invoke(InstanceId, const Request&, InvokeOptions,
                                                  const Token&...) {
    return refuse<NameIsNotInTheMessageMap, Name>();
  }
  template <FixedString Name, typename... Token>
  requires is_no_message<Name> RefusedCall invoke(InstanceId, InvokeOptions, const Token&...) {
    return refuse<NameIsNotInTheMessageMap, Name>();
  }
  template <FixedString Name, typename... Arguments>
  requires is_no_message<Name> RefusedCall invoke_any(const Arguments&...) {
    return refuse<NameIsNotInTheMessageMap, Name>();
  }
  template <FixedString Name, typename Request, typename... Token>
  requires is_no_message<Name> RefusedCall invoke_any(const Request&, AnyOptions, const Token&...) {
    return refuse<NameIsNotInTheMessageMap, Name>();
  }
  template <FixedString Name, typename... Token>
  requires is_no_message<Name> RefusedCall invoke_any(AnyOptions, const Token&...) {
    return refuse<NameIsNotInTheMessageMap, Name>();
  }
  template <FixedString Name, typename... Arguments>
  requires is_no_message<Name> RefusedCall invoke_all(const Arguments&...) {
    return refuse<NameIsNotInTheMessageMap, Name>();
  }
  template <FixedString Name, typename Request, typename... Token>
  requires is_no_message<Name> RefusedCall invoke_all(const Request&, AllOptions, const Token&...) {
    return refuse<NameIsNotInTheMessageMap, Name>();
  }
  template <FixedString Name, typename... Token>
  requires is_no_message<Name> RefusedCall invoke_all(AllOptions, const Token&...) {
    return refuse<NameIsNotInTheMessageMap, Name>();
  }
  template <FixedString Name, typename Function>
  requires is_no_message<Name> RefusedCall register_handler(const Function&) {
    return refuse<NameIsNotInTheMessageMap, Name>();
  }

  template <FixedString Name, typename... Arguments>
  requires is_no_broadcast<Name> RefusedCall broadcast(const Arguments&...) {
    return refuse<NameIsNotInTheBroadcastMap, Name>();
  }
  template <FixedString Name, typename Payload, typename... Token>
  requires is_no_broadcast<Name> RefusedCall broadcast(const Payload&, BroadcastOptions,
                                                       const Token&...) {
    return refuse<NameIsNotInTheBroadcastMap, Name>();
  }
  template <FixedString Name, typename... Token>
  requires is_no_broadcast<Name> RefusedCall broadcast(BroadcastOptions, const Token&...) {
    return refuse<NameIsNotInTheBroadcastMap, Name>();
  }
  template <FixedString Name, typename Function>
  requires is_no_broadcast<Name> RefusedCall register_broadcast_handler(const Function&) {
    return refuse<NameIsNotInTheBroadcastMap, Name>();
  }
};

/// The overloads for a completion token without options before it.
template <typename Messages, typename Broadcasts>
class MissingOptions {
  template <FixedString Name>
  using RequestOf = typename MessageTypes<typename Messages::template find<Name>>::request;
  template <FixedString Name>
  using PayloadOf = typename BroadcastTypes<typename Broadcasts::template find<Name>>::payload;
  template <typename T, typename Options>
  static constexpr bool is_no = !std::is_convertible_v<T, Options>;

 public:
  template <FixedString Name, typename Token>
  requires(!std::is_void_v<RequestOf<Name>> && is_no<Token, InvokeOptions>) RefusedCall
      invoke(InstanceId, const Boxed<RequestOf<Name>>&, const Token&) {
    return refuse<PassInvokeOptionsBeforeTheCompletionToken, Name>();
  }
  template <FixedString Name, typename Token>
  requires(std::is_void_v<RequestOf<Name>>&& is_no<Token, InvokeOptions>) RefusedCall
      invoke(InstanceId, const Token&) {
    return refuse<PassInvokeOptionsBeforeTheCompletionToken, Name>();
  }
  template <FixedString Name, typename Token>
  requires(!std::is_void_v<PayloadOf<Name>> && is_no<Token, BroadcastOptions>) RefusedCall
      broadcast(const Boxed<PayloadOf<Name>>&, const Token&) {
    return refuse<PassBroadcastOptionsBeforeTheCompletionToken, Name>();
  }
  template <FixedString Name, typename Token>
  requires(std::is_void_v<PayloadOf<Name>>&& is_no<Token, BroadcastOptions>) RefusedCall
      broadcast(const Token&) {
    return refuse<PassBroadcastOptionsBeforeTheCompletionToken, Name>();
  }
};

template <typename T>
concept NameOfRunTime = std::convertible_to<const T&, std::string_view>;

/// The overloads for names as arguments instead of template arguments.
class NamesOfRunTime {
  template <typename Name>
  static constexpr bool is_template_argument = false;

  template <typename Name>
  static RefusedCall refuse_call() {
    static_assert(is_template_argument<Name>,
                  "write the name of a message as in invoke<\"name\">(id, request), or call "
                  "invoke_raw(id, name, json) if it is only known at run time");
    return {};
  }
  template <typename Name>
  static RefusedCall refuse_broadcast() {
    static_assert(is_template_argument<Name>,
                  "write the name of a broadcast as in broadcast<\"name\">(payload), or call "
                  "broadcast_raw(name, json) if it is only known at run time");
    return {};
  }

 public:
  template <NameOfRunTime Name, typename... Arguments>
  RefusedCall invoke(const Name&, const Arguments&...) {
    return refuse_call<Name>();
  }
  template <NameOfRunTime Name, typename... Arguments>
  RefusedCall invoke(InstanceId, const Name&, const Arguments&...) {
    return refuse_call<Name>();
  }
  template <NameOfRunTime Name, typename... Arguments>
  RefusedCall broadcast(const Name&, const Arguments&...) {
    return refuse_broadcast<Name>();
  }
  template <NameOfRunTime Name, typename Function>
  RefusedCall register_broadcast_handler(const Name&, const Function&) {
    return refuse_broadcast<Name>();
  }
};

}  // namespace mesh::detail
