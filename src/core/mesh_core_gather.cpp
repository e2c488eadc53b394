// Calls to many nodes at the same time.
#include <core/mesh_core.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <mesh/detail/gather.hpp>
#include <mesh/detail/interception.hpp>
#include <mesh/detail/spawn_operation.hpp>
#include <mesh/errors.hpp>

#include <core/served_call.hpp>
#include <util/cancellation.hpp>
#include <util/make_error.hpp>

namespace mesh::detail {

namespace {

/// Calls `use` on the strand, if the service is still there.
template <typename Use>
void use_gathering(const std::weak_ptr<core::MeshCore>& weak_core,
                   const std::weak_ptr<core::Gathering>& weak_gathering, Use use) {
  auto core = weak_core.lock();
  auto gathering = weak_gathering.lock();
  if (!core || !gathering) return;
  const Strand strand = core->strand();
  asio::post(strand, [core = std::move(core), gathering = std::move(gathering), use] {
    use(*core, gathering);
  });
}

}  // namespace

}  // namespace mesh::detail

namespace mesh::core {

std::shared_ptr<Gathering> MeshCore::make_gathering(const detail::PreparedCall& call,
                                                    std::size_t enough) {
  const detail::OutgoingCall& remote = call.remote;
  const auto timeout = remote.timeout == std::chrono::milliseconds::zero()
                           ? options_.request_timeout
                           : remote.timeout;
  const TimePoint ends_at =
      remote.extras ? remote.extras->deadline.value_or(TimePoint::max()) : TimePoint::max();
  Gathering::Context context{.strand = strand_, .enough = enough};
  context.begins_until = std::min<TimePoint>(Clock::now() + timeout, ends_at);
  const std::weak_ptr<MeshCore> weak = weak_from_this();
  context.cancel = [weak](CallControl& control) {
    if (const auto self = weak.lock()) self->cancel_call(control);
  };
  context.why_not_begun = [weak, timeout, ends_at, type = std::string(remote.type)] {
    constexpr InstanceId nobody = 0;
    if (ends_at <= Clock::now()) return make_error<MeshDeadlineError>(nobody, type, Executed::no);
    const auto self = weak.lock();
    auto reason = self ? self->routed_calls_.why_not_known() : nullptr;
    if (reason) return reason;
    return make_error<MeshRequestTimeoutError>(nobody, type, timeout, Executed::no);
  };
  if (call.watched) {
    context.on_end = [executor = executor_, watched = call.watched](const auto& error) {
      asio::post(executor, [watched, error] { detail::end_watched_call(*watched, error); });
    };
  }
  return std::make_shared<Gathering>(std::move(context));
}

void MeshCore::begin_gathering(const std::shared_ptr<Gathering>& gathering,
                               detail::PreparedCall&& call) {
  if (call.remote.extras && call.remote.extras->parent) {
    call.remote.extras->parent->when_cancelled(
        gathering, [core = std::weak_ptr(call.core)](const std::shared_ptr<Gathering>& cancelled) {
          detail::use_gathering(core, cancelled, [](MeshCore&, const auto& found) {
            found->fail(cancellation_error());
            found->cancel();
          });
        });
  }
  const Strand strand = call.core->strand();
  asio::post(strand, [gathering, call = std::move(call)]() mutable {
    if (call.error) {
      gathering->fail(std::move(call.error));
    } else if (!call.core->is_active()) {
      gathering->fail(make_error<MeshNotRunningError>());
    } else {
      call.core->routed_calls_.begin_all(std::move(call.remote), gathering);
    }
  });
}

}  // namespace mesh::core

namespace mesh::detail {

namespace {

using core::Gathering;

// They are cancelled in any way that the caller likes, and the last reference to the core, if it is
// theirs, goes on the strand.

asio::awaitable<std::optional<RawGathered>> next_of(std::shared_ptr<core::MeshCore> /*core*/,
                                                    std::shared_ptr<Gathering> gathering) {
  co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
  co_return co_await gathering->next();
}

asio::awaitable<std::vector<RawGathered>> rest_of(std::shared_ptr<core::MeshCore> /*core*/,
                                                  std::shared_ptr<Gathering> gathering) {
  co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
  co_return co_await gathering->rest();
}

}  // namespace

GatherHandle begin_gathering(PreparedCall&& call, std::size_t enough) {
  const auto gathering = call.core->make_gathering(call, enough);
  const GatherReference reference{call.core, gathering};
  const Strand strand = call.core->strand();
  asio::post(strand, [core = call.core, gathering] { core->keep_gathering(gathering); });
  core::MeshCore::begin_gathering(gathering, std::move(call));
  return GatherHandle(reference);
}

void gather_all(PreparedCall&& call, std::size_t enough, GatheredCompletion completion) {
  auto core = call.core;
  auto gathering = core->make_gathering(call, enough);
  const Strand strand = core->strand();
  const asio::any_io_executor executor = core->executor();
  core::MeshCore::begin_gathering(gathering, std::move(call));
  spawn_operation<std::vector<RawGathered>>(
      strand, executor, rest_of(std::move(core), std::move(gathering)), std::move(completion));
}

std::optional<LockedGathering> GatherReference::lock() const noexcept {
  LockedGathering locked{core.lock(), gathering.lock()};
  return locked.core && locked.gathering ? std::optional(std::move(locked)) : std::nullopt;
}

void LockedGathering::next(NextCompletion completion) && {
  const Strand strand = core->strand();
  const asio::any_io_executor executor = core->executor();
  spawn_operation<std::optional<RawGathered>>(
      strand, executor, next_of(std::move(core), std::move(gathering)), std::move(completion));
}

GatherHandle& GatherHandle::operator=(GatherHandle&& other) noexcept {
  std::swap(reference_, other.reference_);
  return *this;
}

GatherHandle::~GatherHandle() {
  use_gathering(reference_.core, reference_.gathering,
                [](core::MeshCore& core, const auto& gathering) {
                  gathering->cancel();
                  core.let_go_of_gathering(gathering);
                });
}

void GatherHandle::cancel() const {
  use_gathering(reference_.core, reference_.gathering,
                [](core::MeshCore&, const auto& gathering) { gathering->cancel(); });
}

std::exception_ptr stopped_error() { return make_error<MeshStoppedError>(); }

}  // namespace mesh::detail
