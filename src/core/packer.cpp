#include <core/packer.hpp>

#include <utility>

#include <core/node_features.hpp>

namespace mesh::core {

namespace {

constexpr std::size_t most_messages = 32;
constexpr std::size_t most_bytes = std::size_t{16} << 10U;
// What is larger gains nothing, and would keep small ones back.
constexpr std::size_t largest_message = most_bytes / 2;
static_assert(2 * most_bytes <= wire::largest_frame);

// What waits in frames counts in no limit before it is published.
constexpr std::size_t most_bytes_in_all = 4 * most_bytes;

constexpr std::size_t most_spare = 64;  // slots and contents

template <typename Value>
void reserve_one_more(std::vector<Value>& values) {
  constexpr std::size_t least = 8;
  if (values.size() == values.capacity()) values.reserve(2 * values.size() + least);
}

}  // namespace

Packer::Packer(std::shared_ptr<NodeChannels> channels) : channels_(std::move(channels)) {}

void Packer::send_request(const RequestId& request_id, const Address& address,
                          std::string_view message, TimePoint deadline) {
  if (Slot* const slot = slot_for(address, message.size())) {
    reserve_one_more(slot->batch.contents->requests);
    slot->batch.contents->requests.push_back(request_id);
    return add(*slot, message, {Kind::request, deadline});
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
  auto& responses = (slot == nullptr ? contents : slot->batch.contents)->responses;
  reserve_one_more(responses);
  responses.push_back(std::move(response));
  const std::string_view message = responses.back().message;
  if (slot != nullptr) {
    add(*slot, message, {Kind::response, deadline});
  } else {
    publish(address.node, message, 1, deadline, std::move(contents));
  }
}

void Packer::send_hint(const Address& address, std::string_view message, TimePoint deadline) {
  if (channels_->is_spread()) {
    publish_open_frame(address.node);
  } else if (Slot* const slot = slot_for(address, message.size())) {
    return add(*slot, message, {Kind::hint, deadline});
  }
  channels_->publish_hint(address.node, message, deadline);
}

void Packer::flush() {
  // What is being published may be handed over as a command, before which this is called.
  if (is_publishing_) return;
  for (std::size_t place = 0; place < slots_in_use_; ++place) publish(*slots_[place]);
  close_slots();
  if (slots_.size() > most_spare) slots_.resize(most_spare);
}

void Packer::clear() {
  ++session_;
  close_slots();
  slots_.clear();
  bytes_ = 0;
}

void Packer::close_slots() {
  slot_by_target_.clear();
  last_slot_ = nullptr;
  slots_in_use_ = 0;
}

// What goes to one node keeps its order.
Packer::Slot* Packer::slot_for(const Address& address, std::size_t size) {
  const bool may_be_in_frame =
      size <= largest_message && has_feature(address.features, Feature::frames);
  Slot* const slot = find_slot(address.node);
  if (slot != nullptr && slot->batch.frame.messages() > 0) {
    if (may_be_in_frame && slot->batch.frame.size() + size <= most_bytes) {
      return make_room(*slot, size);
    }
    publish(*slot);
  }
  if (!may_be_in_frame || !channels_->can_publish_at_once(address.node, size)) return nullptr;
  Slot& empty = slot == nullptr ? open_slot(address.node) : *slot;
  empty.batch.contents = new_contents();
  return make_room(empty, size);
}

void Packer::publish_open_frame(InstanceId target) {
  if (Slot* const slot = find_slot(target)) publish(*slot);
}

// So that adding cannot fail half-way.
Packer::Slot* Packer::make_room(Slot& slot, std::size_t size) {
  reserve_one_more(slot.batch.parts);
  slot.batch.frame.make_room(size);
  return &slot;
}

Packer::Slot* Packer::find_slot(InstanceId target) {
  if (last_slot_ != nullptr && last_slot_->target == target) return last_slot_;
  if (slots_in_use_ == 0) return nullptr;
  const auto found = slot_by_target_.find(target);
  if (found == slot_by_target_.end()) return nullptr;
  return last_slot_ = found->second;
}

Packer::Slot& Packer::open_slot(InstanceId target) {
  if (slots_in_use_ == slots_.size()) slots_.push_back(std::make_unique<Slot>());
  Slot& slot = *slots_[slots_in_use_];
  slot_by_target_[target] = &slot;
  ++slots_in_use_;
  slot.target = target;
  last_slot_ = &slot;
  return slot;
}

void Packer::add(Slot& slot, std::string_view message, Part part) {
  wire::FrameWriter& frame = slot.batch.frame;
  bytes_ -= frame.size();
  frame.add(message);
  bytes_ += frame.size();
  slot.batch.parts.push_back(part);
  if (frame.messages() == most_messages) {
    publish(slot);
  } else if (bytes_ > most_bytes_in_all) {
    flush();
  } else if (frame.messages() == 1) {
    channels_->want_write(slot.target);
  }
}

void Packer::publish(Slot& slot) {
  const std::size_t messages = slot.batch.frame.messages();
  if (messages == 0) return;
  const FlagRaised publishing(is_publishing_);
  const InstanceId target = slot.target;
  Batch batch = std::exchange(slot.batch, std::exchange(spare_batch_, {}));
  const std::string_view text = batch.frame.text();
  bytes_ -= batch.frame.size();
  if (channels_->can_publish_at_once(target, text.size())) {
    publish(target, text, messages, TimePoint::max(), std::move(batch.contents));
  } else {
    publish_singly(target, batch);
  }
  batch.frame.clear();
  batch.parts.clear();
  spare_batch_ = std::move(batch);
}

void Packer::publish_singly(InstanceId target, Batch& batch) {
  auto request = batch.contents->requests.begin();
  auto response = batch.contents->responses.begin();
  wire::FrameReader frame(batch.frame.frame());
  for (const auto& [kind, deadline] : batch.parts) {
    auto contents = kind == Kind::hint ? nullptr : new_contents();
    if (kind == Kind::request) contents->requests.push_back(*request++);
    if (kind == Kind::response) contents->responses.push_back(std::move(*response++));
    publish(target, *frame.next(), 1, deadline, std::move(contents));
  }
  recycle(std::move(batch.contents));
}

void Packer::publish(InstanceId target, std::string_view text, std::size_t messages,
                     TimePoint deadline, ContentsPointer contents) {
  channels_->publish(
      target, text, deadline,
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
