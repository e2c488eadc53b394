#include <core/gathering.hpp>

#include <utility>

#include <boost/asio/this_coro.hpp>

namespace mesh::core {

Gathering::Gathering(Context context) : context_(std::move(context)), changed_(context_.strand) {}

void Gathering::add(const std::shared_ptr<CallControl>& control) {
  controls_.push_back(control);
  ++pending_;
}

void Gathering::on_ended(Result&& result) {
  --pending_;
  if (!result.error) ++responses_;
  results_.push_back(std::move(result));
  changed_.notify_all();
  if (has_ended()) {
    tell_end();
  } else if (context_.enough > 0 && responses_ == context_.enough) {
    cancel();
  }
}

void Gathering::close() {
  state_ = State::begun;
  changed_.notify_all();
  if (has_ended()) {
    tell_end();
  } else if (is_cancelled_) {
    cancel_calls();
  }
}

void Gathering::tell_end() {
  if (const auto on_end = std::exchange(context_.on_end, nullptr)) on_end(error_);
}

void Gathering::fail(std::exception_ptr error) {
  if (state_ != State::waiting) return;
  state_ = State::failed;
  error_ = std::move(error);
  changed_.notify_all();
  tell_end();
}

void Gathering::cancel() {
  if (std::exchange(is_cancelled_, true)) return;
  if (state_ == State::waiting) {
    close();
  } else if (state_ == State::begun) {
    cancel_calls();
  }
}

// Ends them, so that there are no more afterwards.
void Gathering::cancel_calls() {
  for (const auto& control : std::exchange(controls_, {})) context_.cancel(*control);
}

asio::awaitable<std::optional<Gathering::Result>> Gathering::next() {
  while (results_.empty() && !has_ended() && state_ != State::failed) {
    const TimePoint latest = state_ == State::waiting ? context_.begins_until : TimePoint::max();
    const bool was_notified = co_await changed_.wait_until(latest);
    if (!was_notified) fail_late();
  }
  if (state_ == State::failed) std::rethrow_exception(error_);
  if (results_.empty()) co_return std::nullopt;
  std::optional<Result> result = std::move(results_.front());
  results_.pop_front();
  co_return result;
}

asio::awaitable<std::vector<Gathering::Result>> Gathering::rest() {
  std::vector<Result> results;
  std::exception_ptr error;
  try {
    while (auto result = co_await next()) results.push_back(std::move(*result));
  } catch (...) {
    error = std::current_exception();
  }
  if (!error) co_return results;
  cancel();
  std::rethrow_exception(error);
}

}  // namespace mesh::core
