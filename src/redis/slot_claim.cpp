#include <redis/slot_claim.hpp>

#include <charconv>
#include <string_view>
#include <vector>

#include <config/number.hpp>
#include <redis/slot.hpp>

namespace mesh::redis {

namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto end = text.find(separator);
    if (end != 0) parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return parts;
}

/// "7" or "7-9"; what begins with a bracket is a slot on its way, which still is where it was.
bool has_slot(std::string_view range, int slot) {
  const auto dash = range.find('-');
  const auto last_place = static_cast<int>(slot_count) - 1;
  const auto first = config::parse_number(range.substr(0, dash), 0, last_place);
  const auto last = dash == std::string_view::npos
                        ? first
                        : config::parse_number(range.substr(dash + 1), 0, last_place);
  return first && last && *first <= slot && slot <= *last;
}

}  // namespace

Command claims_query() { return {"CLUSTER", "NODES"}; }

// Each line: id, address, flags, primary, two times, epoch, state of the link, slots.
std::optional<SlotClaim> parse_claim(const Reply& reply, std::uint16_t slot) {
  constexpr std::size_t flags_place = 2;
  constexpr std::size_t epoch_place = 6;
  constexpr std::size_t first_range = 8;
  if (reply.kind != Reply::Kind::text) return std::nullopt;
  for (const std::string_view line : split(reply.text, '\n')) {
    const auto words = split(line, ' ');
    for (std::size_t place = first_range; place < words.size(); ++place) {
      if (!has_slot(words[place], slot)) continue;
      SlotClaim claim;
      claim.node_id = words[0];
      claim.is_own = words[flags_place].find("myself") != std::string_view::npos;
      const std::string_view epoch = words[epoch_place];
      std::from_chars(epoch.data(), epoch.data() + epoch.size(), claim.epoch);
      return claim;
    }
  }
  return std::nullopt;
}

}  // namespace mesh::redis
