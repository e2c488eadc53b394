#pragma once

#include <compare>
#include <cstddef>

#include <nlohmann/json.hpp>

namespace mesh::detail {

/// How much a document has changed by being decoded and encoded again. Ordered: what is lost weighs
/// more than what is written in another way, and that more than what was added.
struct Loss {
  std::size_t lost = 0;
  std::size_t rewritten = 0;  // numbers, with a fraction or without
  std::size_t added = 0;

  friend auto operator<=>(const Loss&, const Loss&) = default;

  Loss& operator+=(const Loss& other) {
    lost += other.lost;
    rewritten += other.rewritten;
    added += other.added;
    return *this;
  }
};

/// The values within it that are not containers; an empty container is one, and an absent member is
/// as good as null.
inline std::size_t count_values(const nlohmann::json& document) {
  if (document.is_null()) return 0;
  if (!document.is_structured() || document.empty()) return 1;
  std::size_t count = 0;
  for (const nlohmann::json& member : document) count += count_values(member);
  return count;
}

inline Loss find_loss(const nlohmann::json& before, const nlohmann::json& after);

inline Loss find_loss_of_members(const nlohmann::json& before, const nlohmann::json& after) {
  Loss loss;
  for (auto member = before.begin(); member != before.end(); ++member) {
    const auto counterpart = after.find(member.key());
    if (counterpart == after.end()) {
      loss.lost += count_values(*member);
    } else {
      loss += find_loss(*member, *counterpart);
    }
  }
  for (auto member = after.begin(); member != after.end(); ++member) {
    if (!before.contains(member.key())) loss.added += count_values(*member);
  }
  return loss;
}

inline Loss find_loss_of_elements(const nlohmann::json& before, const nlohmann::json& after) {
  Loss loss;
  for (std::size_t i = 0; i < before.size() || i < after.size(); ++i) {
    if (i >= after.size()) {
      loss.lost += count_values(before[i]);
    } else if (i >= before.size()) {
      loss.added += count_values(after[i]);
    } else {
      loss += find_loss(before[i], after[i]);
    }
  }
  return loss;
}

inline Loss find_loss(const nlohmann::json& before, const nlohmann::json& after) {
  if (before.is_object() && after.is_object()) return find_loss_of_members(before, after);
  if (before.is_array() && after.is_array()) return find_loss_of_elements(before, after);
  if (before != after) return {.lost = count_values(before), .added = count_values(after)};
  return {.rewritten = before.is_number_float() != after.is_number_float() ? 1U : 0U};
}

}  // namespace mesh::detail
