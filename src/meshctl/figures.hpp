#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <mesh/histogram.hpp>

#include <meshctl/command.hpp>
#include <meshctl/session.hpp>

namespace mesh::ctl {

/// The figures of calls or handlers of one type.
struct TypeFigures {
  std::map<std::string, std::uint64_t> counts{};
  LatencyHistogram latency{};

  std::uint64_t count(const std::string& name) const;
};

/// What a node answers to `$mesh.stats`, or the sum of what several have answered.
struct Figures {
  std::map<std::string, std::uint64_t> counts{};  ///< But for times, which cannot be added.
  std::map<std::string, TypeFigures> calls{};
  std::map<std::string, TypeFigures> handlers{};

  std::uint64_t count(const std::string& name) const;
  void add(const Figures& other);
};

/// Passes over what is not as it should be, since a later version may say more. Throws `UsageError`
/// for what is no object.
Figures read_figures(const std::string& json);

/// Nothing if the node knows no such question; throws what `invoke_raw()` throws besides.
asio::awaitable<std::optional<Figures>> ask_figures(Session& session, InstanceId id,
                                                    std::chrono::milliseconds timeout);

/// Count, percentiles and the largest, in microseconds.
Json to_json(const LatencyHistogram& latency);
Json to_json(const Figures& figures);

}  // namespace mesh::ctl
