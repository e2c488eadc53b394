#include <async/event.hpp>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace mesh {

namespace {

class Registration {
 public:
  Registration(std::list<asio::steady_timer*>& list, asio::steady_timer& timer)
      : list_(list), position_(list.insert(list.end(), &timer)) {}
  ~Registration() { list_.erase(position_); }
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;

 private:
  std::list<asio::steady_timer*>& list_;
  std::list<asio::steady_timer*>::iterator position_;
};

}  // namespace

void Event::notify_all() {
  for (asio::steady_timer* timer : waiters_) timer->cancel();
}

asio::awaitable<bool> Event::wait_until(TimePoint deadline) {
  asio::steady_timer timer(strand_, deadline);
  const Registration registration(waiters_, timer);
  boost::system::error_code error;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
  const auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) {
    throw boost::system::system_error(asio::error::operation_aborted);
  }
  co_return static_cast<bool>(error);
}

}  // namespace mesh
