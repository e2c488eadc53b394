#pragma once

#include <functional>
#include <optional>
#include <utility>

#include <boost/asio/steady_timer.hpp>

#include <async/strand.hpp>

namespace mesh {

/// One timer that serves many deadlines: it is told the earliest one and rings when it is due.
/// All members must be called on the strand.
class Alarm {
 public:
  /// `on_ring` is called on the strand while the owner lives; it sets the alarm anew.
  Alarm(const Strand& strand, std::function<void()> on_ring)
      : timer_(strand), on_ring_(std::make_shared<std::function<void()>>(std::move(on_ring))) {}
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  void set(std::optional<TimePoint> time) {
    if (time == time_) return;
    time_ = time;
    if (!time_) {
      armed_.reset();
      timer_.cancel();
    } else if (!armed_ || *armed_ > *time_) {
      // Otherwise the ring that is under way comes early enough, and then sets the timer anew.
      arm();
    }
  }

 private:
  void arm() {
    armed_ = time_;
    timer_.expires_at(*time_);
    timer_.async_wait([this, alive = std::weak_ptr(on_ring_)](boost::system::error_code error) {
      const auto on_ring = alive.lock();
      if (error || !on_ring) return;
      armed_.reset();
      if (!time_) return;
      if (*time_ > Clock::now()) {
        arm();
        return;
      }
      time_.reset();
      (*on_ring)();
    });
  }

  asio::steady_timer timer_;
  std::shared_ptr<std::function<void()>> on_ring_;
  std::optional<TimePoint> time_;
  std::optional<TimePoint> armed_;
};

}  // namespace mesh
