#pragma once

#include <algorithm>
#include <vector>

#include "history.hpp"

namespace mesh::chaos {

inline bool any_overlaps(const std::vector<Span>& spans, const Span& span) {
  return std::any_of(spans.begin(), spans.end(),
                     [&](const Span& candidate) { return candidate.overlaps(span); });
}

inline std::vector<Span> joined(std::vector<Span> spans, const std::vector<Span>& others) {
  spans.insert(spans.end(), others.begin(), others.end());
  return spans;
}

/// The spans, each prolonged at its end.
inline std::vector<Span> prolonged(std::vector<Span> spans, Nanoseconds by) {
  for (Span& span : spans) span.to = span.to > forever - by ? forever : span.to + by;
  return spans;
}

/// How much of `window` lies within any of the spans.
inline Nanoseconds covered(std::vector<Span> spans, const Span& window) {
  std::sort(spans.begin(), spans.end(),
            [](const Span& left, const Span& right) { return left.from < right.from; });
  Nanoseconds sum = 0;
  Nanoseconds reached = window.from;
  for (const Span& span : spans) {
    const Nanoseconds from = std::max(span.from, reached);
    const Nanoseconds to = std::min(span.to, window.to);
    if (to <= from) continue;
    sum += to - from;
    reached = to;
  }
  return sum;
}

inline const History::Process& process_of(const History& history, const std::string& member) {
  static const History::Process unknown;
  const auto found = history.processes.find(History::process_of(member));
  return found == history.processes.end() ? unknown : found->second;
}

/// When its callbacks could not run, nor what awaits its calls go on.
inline std::vector<Span> held_up(const History::Process& process) {
  return joined(process.still, process.busy);
}

/// When the member's process could not work or not reach Redis.
inline std::vector<Span> blocked(const History& history, const std::string& member) {
  const History::Process& process = process_of(history, member);
  return joined(joined(process.still, process.cut_off),
                joined(history.outages, history.disconnections));
}

inline std::string seconds(Nanoseconds duration) {
  const auto ms = duration / nanoseconds_per_ms;
  const std::string fraction = std::to_string(ms % 1000);
  return std::to_string(ms / 1000) + "." + std::string(3 - fraction.size(), '0') + fraction + " s";
}

}  // namespace mesh::chaos
