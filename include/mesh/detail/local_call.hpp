#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <mesh/call_context.hpp>
#include <mesh/detail/core_handle.hpp>
#include <mesh/detail/handler.hpp>
#include <mesh/detail/interception.hpp>
#include <mesh/detail/payload.hpp>
#include <mesh/errors.hpp>

namespace mesh::detail {

/// A call to this very node as the compiled core sees it, without the types.
class LocalCallBase {
 public:
  LocalCallBase(const CoreHandle& core, std::shared_ptr<RequestHandler> handler,
                CallContext context, std::string_view type,
                std::shared_ptr<const std::string> type_owner);
  LocalCallBase(const LocalCallBase&) = delete;
  LocalCallBase& operator=(const LocalCallBase&) = delete;
  virtual ~LocalCallBase();

  bool is_plain() const { return handler_->is_plain(); }
  CallContext& context() { return context_; }

  /// Run the handler, and keep its response; once. With interceptors, they are told of it.
  /// Afterwards the handler is let go of.
  void run_now();
  asio::awaitable<void> run();

  /// The caller does not want it any more. From any thread.
  void cancel();

 protected:
  /// Whether the request is of the handler's type; else it is JSON.
  virtual bool is_typed() const = 0;
  virtual void call_now() = 0;
  virtual asio::awaitable<void> call() = 0;
  virtual void read_response(const std::string& json) = 0;

  RequestHandler& handler() { return *handler_; }
  std::string_view type() const { return type_; }
  std::string& request_json() { return request_json_; }

 private:
  void handle_now();
  asio::awaitable<void> handle();
  void check_may_begin() const;
  std::exception_ptr mark_executed(std::exception_ptr error) const;

  std::shared_ptr<RequestHandler> handler_;
  std::shared_ptr<const Gate> gate_;
  std::shared_ptr<const core::Interception> interception_;  // null if there are no interceptors
  CallContext context_;
  std::atomic<bool> cancelled_{false};
  std::string request_json_;
  std::string_view type_;
  std::shared_ptr<const std::string> type_owner_;  // null if it lives as long as the program
};

/// The same for who waits for the response.
template <typename Response>
class LocalResponse : public LocalCallBase {
 public:
  using LocalCallBase::LocalCallBase;

  /// Once it has run.
  Boxed<Response> take_response() { return std::move(*response_); }

 protected:
  void read_response(const std::string& json) final {
    response_.emplace(decode_payload<Response>(type(), json, Executed::yes));
  }
  std::optional<Boxed<Response>>& response() { return response_; }

 private:
  std::optional<Boxed<Response>> response_;
};

/// A call to this very node, with all it needs of its arguments.
template <typename Request, typename Response>
class LocalCall final : public LocalResponse<Response> {
  using Typed = TypedHandler<Request, Response>;

 public:
  using LocalResponse<Response>::LocalResponse;

  /// Keeps the request, as JSON where the handler takes that, or where it can only be read.
  template <typename Given>
  void take_request(Given&& request) {
    if constexpr (std::is_constructible_v<Boxed<Request>, Given>) {
      if (this->handler().payload_types() == &PayloadTypes<Request, Response>::tag) {
        request_.emplace(std::forward<Given>(request));
        return;
      }
    }
    encode_payload<Request>(this->type(), request, this->request_json(), Executed::no);
  }

 private:
  bool is_typed() const override { return request_.has_value(); }
  void call_now() override {
    this->response().emplace(typed().call_now(this->context(), std::move(*request_)));
  }
  asio::awaitable<void> call() override {
    return typed().call(this->context(), std::move(*request_), this->response());
  }

  Typed& typed() { return static_cast<Typed&>(this->handler()); }

  std::optional<Boxed<Request>> request_;
};

/// Runs its handler, never inside this call: a plain one on `executor`, where the completion is
/// then called, others on a strand of that. `watched` is ended where the handler ran; it may be
/// null.
void run_local_call(const asio::any_io_executor& executor, std::shared_ptr<LocalCallBase> call,
                    std::shared_ptr<WatchedCall> watched, CallCompletion completion);

}  // namespace mesh::detail
