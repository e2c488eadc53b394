#include <mesh/leader_service.hpp>

#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <leader/election.hpp>
#include <mesh/detail/spawn_operation.hpp>

namespace mesh {

namespace {

// Holds on to the election from before its first step, which is taken later.
boost::asio::awaitable<void> stop(std::shared_ptr<leader::Election> election) {
  co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  co_await election->stop();
}

}  // namespace

std::shared_ptr<leader::Election> LeaderService::make_election(
    boost::asio::any_io_executor executor, const std::string& key, const LeaderOptions& options,
    const RedisOptions& redis, LogSink log) {
  return std::make_shared<leader::Election>(std::move(executor), key, options, redis,
                                            std::move(log));
}

LeaderService::LeaderService(std::shared_ptr<leader::Election> election)
    : election_(std::move(election)) {}

LeaderService::~LeaderService() {
  election_->close_gate();
  // The last reference goes along, so that all of it is destroyed on the strand.
  const auto strand = election_->strand();
  boost::asio::post(strand, [election = std::move(election_)] { election->abandon(); });
}

void LeaderService::start() { election_->start(); }

void LeaderService::async_stop(const std::shared_ptr<leader::Election>& election,
                               detail::VoidCompletion completion) {
  detail::spawn_operation<void>(election->strand(), election->executor(), mesh::stop(election),
                                std::move(completion));
}

bool LeaderService::is_leader() const noexcept { return election_->driver().is_leader(); }

std::int64_t LeaderService::fencing_token() const noexcept {
  return election_->driver().fencing_token();
}

void LeaderService::assign_became_leader(detail::AsyncCallback<> callback) {
  boost::asio::post(election_->strand(), [driver = election_->shared_driver(),
                                          callback = std::move(callback)]() mutable {
    driver->set_became_leader_callback(std::move(callback));
  });
}

void LeaderService::assign_lost_leader(detail::AsyncCallback<> callback) {
  boost::asio::post(election_->strand(), [driver = election_->shared_driver(),
                                          callback = std::move(callback)]() mutable {
    driver->set_lost_leader_callback(std::move(callback));
  });
}

}  // namespace mesh
