#include <introspection/figures_by_type.hpp>

#include <utility>

#include <mesh/errors.hpp>

namespace mesh::introspection {

LatencyHistogram LatencyRecorder::snapshot() const {
  std::size_t size = counts_.size();
  while (size > 0 && counts_[size - 1] == 0) --size;
  std::vector<std::uint64_t> counts(size);
  for (std::size_t i = 0; i < size; ++i) counts[i] = counts_[i];
  return {std::move(counts), std::chrono::microseconds(sum_), std::chrono::nanoseconds(max_)};
}

CallEnding ending_of(const std::exception_ptr& error) {
  if (!error) return CallEnding::succeeded;
  try {
    std::rethrow_exception(error);
  } catch (const MeshNodeUnreachableError&) {
    return CallEnding::unreachable;
  } catch (const MeshRequestTimeoutError&) {
    return CallEnding::timed_out;
  } catch (const MeshRefusedError&) {
    return CallEnding::refused;
  } catch (const MeshHandlerError&) {
    return CallEnding::handler_failed;
  } catch (...) {
    return CallEnding::other_error;
  }
}

std::map<std::string, CallTypeStats> snapshot(const CallFigures& figures) {
  std::map<std::string, CallTypeStats> result;
  for (const CallFigures::Figures* const one : figures.all()) {
    CallTypeStats& stats = result[one->type];
    stats.succeeded = one->ended(CallEnding::succeeded);
    stats.timed_out = one->ended(CallEnding::timed_out);
    stats.unreachable = one->ended(CallEnding::unreachable);
    stats.refused = one->ended(CallEnding::refused);
    stats.handler_failed = one->ended(CallEnding::handler_failed);
    stats.other_errors = one->ended(CallEnding::other_error);
    stats.cancelled = one->ended(CallEnding::cancelled);
    stats.latency = one->latency.snapshot();
  }
  return result;
}

std::map<std::string, HandlerTypeStats> snapshot(const HandlerFigures& figures) {
  std::map<std::string, HandlerTypeStats> result;
  for (const HandlerFigures::Figures* const one : figures.all()) {
    HandlerTypeStats& stats = result[one->type];
    stats.succeeded = one->ended(HandlerEnding::succeeded);
    stats.failed = one->ended(HandlerEnding::failed);
    stats.refused = one->ended(HandlerEnding::refused);
    stats.cancelled = one->ended(HandlerEnding::cancelled);
    stats.latency = one->latency.snapshot();
  }
  return result;
}

}  // namespace mesh::introspection
