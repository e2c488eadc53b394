#include <core/owner_lookup.hpp>

#include <cstddef>
#include <string>
#include <utility>

#include <redis/command.hpp>

namespace mesh::core {

namespace {

// Who calls more nodes than that, one after the other, asks for each of them each time.
constexpr std::size_t most_owners = std::size_t{1} << 16U;

}  // namespace

OwnerLookup::OwnerLookup(std::shared_ptr<redis::Client> commands, Keys keys, bool all_have_owners,
                         OnFound on_found)
    : commands_(std::move(commands)),
      keys_(std::move(keys)),
      all_have_owners_(all_have_owners),
      on_found_(std::move(on_found)),
      owners_(most_owners) {}

void OwnerLookup::ask(InstanceId target, const RequestId& call) {
  const auto [place, is_first] = asked_.try_emplace(target, Found{target});
  place->second.calls.push_back(call);
  if (!is_first) return;
  redis::Command command{"GET", keys_.owner(target)};
  // Later calls rely on it too, whatever becomes of this one.
  commands_->submit_to_slot(std::move(command), TimePoint::max(),
                            [weak = weak_from_this(), target](const redis::Outcome& outcome) {
                              if (const auto self = weak.lock()) self->on_answer(target, outcome);
                            });
}

void OwnerLookup::add_cancel(InstanceId target, const RequestId& call) {
  const auto place = asked_.find(target);
  if (place != asked_.end()) place->second.cancels.push_back(call);
}

void OwnerLookup::clear() {
  owners_.clear();
  asked_.clear();
}

void OwnerLookup::on_answer(InstanceId target, const redis::Outcome& outcome) {
  auto asked = asked_.extract(target);
  if (asked.empty()) return;
  Found& found = asked.mapped();
  found.is_answered = outcome.failure == redis::Failure::none && !outcome.reply.is_error();
  if (found.is_answered) {
    const std::string& value = outcome.reply.text;
    if (!value.empty()) found.owner = std::make_shared<const Owner>(parse_owner(value));
    if (found.owner || !all_have_owners_) owners_.insert(target, found.owner);
  }
  on_found_(found);
}

}  // namespace mesh::core
