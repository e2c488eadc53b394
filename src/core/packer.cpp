#include <core/packer.hpp>

#include <algorithm>
#include <utility>

#include <core/node_features.hpp>
#include <core/publish_again.hpp>

namespace mesh::core {

namespace {

constexpr std::size_t most_messages = 32;
constexpr std::size_t most_bytes = std::size_t{16} << 10U;
// What is larger gains nothing, and would keep small ones back.
constexpr std::size_t largest_message = most_bytes / 2;
static_assert(2 * most_bytes <= wire::largest_frame);

constexpr std::size_t most_spare = 64;  // slots and contents

}  // namespace

Packer::Packer(std::shared_ptr<redis::Client> commands, Keys keys)
    : commands_(std::move(commands)), keys_(std::move(keys)) {}

void Packer::send_request(const RequestId& request_id, const Address& address,
                          std::string_view message, TimePoint deadline) {
  if (Slot* const slot = slot_for(address, message.size())) {
    slot->contents->requests.push_back(request_id);
    return add(*slot, message, deadline);
  }
  auto contents = new_contents();
  contents->requests.push_back(request_id);
  publish(address.node, message, 1, deadline, std::move(contents));
}

void Packer::send_response(OutgoingResponse&& response) {
  const Address address{response.target, response.accepts};
  const TimePoint deadline = response.deadline;
  Slot* const slot = slot_for(address, response.message.size());
  auto contents = slot == nullptr ? new_contents() : nullptr;
  auto& responses = (slot == nullptr ? contents : slot->contents)->responses;
  responses.push_back(std::move(response));
  const std::string_view message = responses.back().message;
  if (slot != nullptr) {
    add(*slot, message, deadline);
  } else {
    publish(address.node, message, 1, deadline, std::move(contents));
  }
}

void Packer::send_hint(const Address& address, std::string_view message, TimePoint deadline) {
  if (Slot* const slot = slot_for(address, message.size())) {
    add(*slot, message, deadline);
  } else {
    publish(address.node, message, 1, deadline, nullptr);
  }
}

void Packer::flush() {
  // A frame that is on its way may be handed over as a command, before which this is called.
  if (is_publishing_) return;
  // Who hears at once that something cannot be sent may add more.
  while (slots_in_use_ > 0) {
    const std::size_t filled = slots_in_use_;
    forget_slots();
    auto slots = std::exchange(slots_, {});
    for (std::size_t place = 0; place < filled; ++place) publish(*slots[place]);
    if (slots_.empty() && slots.size() <= most_spare) slots_ = std::move(slots);
  }
}

void Packer::fail_unwritten() {
  forget_slots();
  for (const auto& slot : std::exchange(slots_, {})) {
    if (slot->frame.messages() == 0) continue;
    report(slot->contents, redis::Outcome{redis::Failure::disconnected});
  }
}

void Packer::clear() {
  ++session_;
  forget_slots();
  slots_.clear();
}

// What goes to one node keeps its order.
Packer::Slot* Packer::slot_for(const Address& address, std::size_t size) {
  if (!has_feature(address.features, Feature::frames)) return nullptr;
  Slot& slot = slot_of(address.node);
  if (size > largest_message || slot.frame.size() + size > most_bytes) publish(slot);
  if (slot.frame.messages() > 0) return &slot;
  if (size > largest_message || !commands_->can_publish_at_once(size)) return nullptr;
  if (!slot.contents) slot.contents = new_contents();
  return &slot;
}

Packer::Slot& Packer::slot_of(InstanceId target) {
  if (last_slot_ != nullptr && last_slot_->target == target) return *last_slot_;
  Slot*& found = slot_by_target_[target];
  if (found == nullptr) {
    if (slots_in_use_ == slots_.size()) slots_.push_back(std::make_unique<Slot>());
    found = slots_[slots_in_use_++].get();
    found->target = target;
  }
  last_slot_ = found;
  return *found;
}

void Packer::forget_slots() {
  slots_in_use_ = 0;
  slot_by_target_.clear();
  last_slot_ = nullptr;
}

void Packer::add(Slot& slot, std::string_view message, TimePoint deadline) {
  slot.frame.add(message);
  slot.deadline = slot.frame.messages() == 1 ? deadline : std::max(slot.deadline, deadline);
  if (slot.frame.messages() == most_messages) {
    publish(slot);
  } else if (slot.frame.messages() == 1) {
    commands_->want_write();
  }
}

void Packer::publish(Slot& slot) {
  if (slot.frame.messages() == 0) return;
  const FlagRaised publishing(is_publishing_);
  publish(slot.target, slot.frame.text(), slot.frame.messages(), slot.deadline,
          std::move(slot.contents));
  slot.frame.clear();
}

void Packer::publish(InstanceId target, std::string_view text, std::size_t messages,
                     TimePoint deadline, ContentsPointer contents) {
  commands_->publish(
      channel_.of(keys_, target), text, deadline,
      [weak = weak_from_this(), session = session_,
       contents = std::move(contents)](const redis::Outcome& outcome) mutable {
        const auto self = weak.lock();
        if (!self || !contents) return;
        if (self->session_ == session) self->report(contents, outcome);
        self->recycle(std::move(contents));
      },
      messages);
}

void Packer::report(const ContentsPointer& contents, const redis::Outcome& outcome) {
  const bool is_as_usual = is_received(outcome) && outcome.reply.integer == 1;
  if (!is_as_usual) {
    for (const RequestId& request_id : contents->requests) events_.on_request(request_id, outcome);
  }
  for (OutgoingResponse& response : contents->responses) {
    events_.on_response(std::move(response), outcome);
  }
}

Packer::ContentsPointer Packer::new_contents() {
  if (spare_contents_.empty()) return std::make_unique<Contents>();
  auto contents = std::move(spare_contents_.back());
  spare_contents_.pop_back();
  return contents;
}

void Packer::recycle(ContentsPointer contents) {
  if (spare_contents_.size() >= most_spare) return;
  contents->requests.clear();
  contents->responses.clear();
  spare_contents_.push_back(std::move(contents));
}

}  // namespace mesh::core
