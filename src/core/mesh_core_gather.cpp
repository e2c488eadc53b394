// Calls to many nodes at the same time.
#include <core/mesh_core.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include <boost/asio/post.hpp>
#include <mesh/detail/gather.hpp>
#include <mesh/detail/interception.hpp>
#include <mesh/detail/spawn_operation.hpp>
#include <mesh/errors.hpp>

#include <util/make_error.hpp>

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
  context.why_not_begun = [weak, timeout, type = std::string(remote.type)] {
    const auto self = weak.lock();
    auto reason = self ? self->routed_calls_.why_not_sent(type) : nullptr;
    if (reason) return reason;
    constexpr InstanceId nobody = 0;
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

asio::awaitable<std::optional<RawGathered>> next_of(std::shared_ptr<Gathering> gathering) {
  co_return co_await gathering->next();
}

asio::awaitable<std::vector<RawGathered>> rest_of(std::shared_ptr<Gathering> gathering) {
  co_return co_await gathering->rest();
}

/// Calls `use` on the strand, if the service is still there.
template <typename Use>
void use_gathering(const std::weak_ptr<core::MeshCore>& weak_core,
                   const std::weak_ptr<Gathering>& weak_gathering, Use use) {
  auto core = weak_core.lock();
  auto gathering = weak_gathering.lock();
  if (!core || !gathering) return;
  const Strand strand = core->strand();
  asio::post(strand, [core = std::move(core), gathering = std::move(gathering), use] {
    use(*core, gathering);
  });
}

}  // namespace

GatherHandle begin_gathering(PreparedCall&& call, std::size_t enough) {
  const auto core = call.core;
  const auto gathering = core->make_gathering(call, enough);
  asio::post(core->strand(), [core, gathering] { core->keep_gathering(gathering); });
  core::MeshCore::begin_gathering(gathering, std::move(call));
  return {core, gathering};
}

void gather_all(PreparedCall&& call, std::size_t enough, GatheredCompletion completion) {
  const auto core = call.core;
  const auto gathering = core->make_gathering(call, enough);
  core::MeshCore::begin_gathering(gathering, std::move(call));
  spawn_operation<std::vector<RawGathered>>(core->strand(), core->executor(), rest_of(gathering),
                                            std::move(completion));
}

GatherHandle& GatherHandle::operator=(GatherHandle&& other) noexcept {
  std::swap(core_, other.core_);
  std::swap(gathering_, other.gathering_);
  return *this;
}

GatherHandle::~GatherHandle() {
  use_gathering(core_, gathering_, [](core::MeshCore& core, const auto& gathering) {
    gathering->cancel();
    core.let_go_of_gathering(gathering);
  });
}

void GatherHandle::next(NextCompletion completion) const {
  const auto core = core_.lock();
  const auto gathering = gathering_.lock();
  if (core && gathering) {
    spawn_operation<std::optional<RawGathered>>(core->strand(), core->executor(),
                                                next_of(gathering), std::move(completion));
    return;
  }
  std::move(completion)(stopped_error(), std::nullopt);
}

bool GatherHandle::is_alive() const noexcept { return !core_.expired() && !gathering_.expired(); }

std::exception_ptr stopped_error() { return make_error<MeshStoppedError>(); }

void GatherHandle::cancel() const {
  use_gathering(core_, gathering_,
                [](core::MeshCore&, const auto& gathering) { gathering->cancel(); });
}

}  // namespace mesh::detail
