#pragma once

#include <cstddef>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <unit/lease_model.hpp>

namespace mesh::leader::model {

struct Finding {
  std::size_t states = 0;
  std::size_t depth = 0;
  bool complete = false;  // no more states can be reached
  std::string violation;
};

/// Visits every state that can be reached, the nearest first, until there are `limit` of them.
class Explorer {
 public:
  Explorer(const Settings& settings, std::size_t limit)
      : settings_(settings), limit_(limit), moves_(all_moves(settings.ticks.size())) {}

  Finding explore() {
    visit(World(settings_), 0, Move{Event::tick, 0});
    while (!next_.empty() && finding_.violation.empty() && visits_.size() < limit_) {
      ++finding_.depth;
      const auto level = std::exchange(next_, {});
      for (const auto& [world, index] : level) {
        if (!finding_.violation.empty() || visits_.size() >= limit_) break;
        expand(world, index);
      }
    }
    finding_.complete = next_.empty();
    finding_.states = visits_.size();
    return finding_;
  }

 private:
  struct Visit {
    std::size_t parent;
    Move move;
  };

  void expand(const World& world, std::size_t index) {
    for (const Move move : moves_) {
      if (!world.is_possible(move)) continue;
      World after = world;
      after.make(move);
      visit(after, index, move);
    }
  }

  void visit(const World& world, std::size_t parent, Move move) {
    if (!seen_.insert(world.hash()).second) return;
    visits_.push_back(Visit{parent, move});
    const std::size_t index = visits_.size() - 1;
    std::string violation = world.check();
    // Every state would take too long.
    if (violation.empty() && index % 32 == 0) violation = world.check_progress();
    if (!violation.empty() && finding_.violation.empty()) {
      finding_.violation = violation + " after" + trace(index);
    }
    next_.emplace_back(world, index);
  }

  std::string trace(std::size_t index) const {
    std::string text;
    for (; index != 0; index = visits_[index].parent) {
      const Move move = visits_[index].move;
      std::string step = "\n  " + std::string(event_names[static_cast<std::size_t>(move.event)]);
      if (concerns_a_contender(move.event)) step += " " + std::to_string(move.who);
      text.insert(0, step);
    }
    return text;
  }

  const Settings& settings_;
  std::size_t limit_;
  std::vector<Move> moves_;
  std::unordered_set<std::size_t> seen_;
  std::vector<Visit> visits_;
  std::vector<std::pair<World, std::size_t>> next_;
  Finding finding_;
};

}  // namespace mesh::leader::model
