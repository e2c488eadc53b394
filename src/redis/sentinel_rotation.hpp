#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <redis/sentinel.hpp>

namespace mesh::redis {

/// Whom of several Sentinels a node asks next, and what their answers are worth. No I/O.
///
/// A Sentinel that is cut off from the others goes on naming the master it knows, so what is older
/// than what was heard before counts for nothing. Only a whole turn without anything as new shows
/// that the Sentinels have been set up anew, and count from the beginning.
class SentinelRotation {
 public:
  explicit SentinelRotation(std::size_t sentinels) : sentinels_(sentinels) {}

  std::size_t size() const { return sentinels_; }
  /// The index of the one to ask now. `random` is a number in [0, 1) that decides who is first, so
  /// that the nodes of a fleet do not all begin with the same.
  std::size_t next(double random);
  /// What the one that was asked answered, if anything. Whether it counts.
  bool note(const std::optional<Belief>& belief);
  /// The newest that counts.
  const std::optional<Belief>& newest() const { return newest_; }

 private:
  bool is_outdated(const Belief& belief) const;
  bool is_turn_of_older(const Belief& belief);

  std::size_t sentinels_;
  std::optional<std::size_t> next_;
  std::optional<Belief> newest_;
  std::optional<Endpoint> replaced_;       // the master before
  std::size_t older_ = 0;                  // answers in a row
  std::optional<Belief> newest_of_older_;  // among these
};

}  // namespace mesh::redis
