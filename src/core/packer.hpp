#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>
#include <mesh/node.hpp>

#include <async/strand.hpp>
#include <core/node_channels.hpp>
#include <core/outgoing_response.hpp>
#include <util/flag_raised.hpp>
#include <util/request_id.hpp>
#include <wire/frame.hpp>

namespace mesh::core {

/// Publishes messages to nodes, each once. Those to one node that are made before the connection
/// writes leave as one frame, if that node understands frames; no message waits for others. What
/// cannot leave at once waits in the client message by message, each until its own deadline. All
/// members must be called on the strand.
class Packer : public std::enable_shared_from_this<Packer> {
 public:
  /// What became of the PUBLISH that a message was in. Whoever hears it must not send anything
  /// before it returns.
  struct Events {
    /// Not called where one has received it, as usual.
    std::function<void(const RequestId& request_id, const redis::Outcome& outcome)> on_request;
    std::function<void(OutgoingResponse&& response, const redis::Outcome& outcome)> on_response;
  };

  /// Where a message goes.
  struct Address {
    InstanceId node = 0;
    unsigned features = 0;  ///< That it is known to have.
  };

  explicit Packer(std::shared_ptr<NodeChannels> channels);
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;

  void set_events(Events events) { events_ = std::move(events); }

  void send_request(const RequestId& request_id, const Address& address, std::string_view message,
                    TimePoint deadline);
  void send_response(OutgoingResponse&& response);
  /// Nobody hears what became of it.
  void send_hint(const Address& address, std::string_view message, TimePoint deadline);

  /// The connection is about to write, or something else to be sent, which comes after this; or it
  /// was lost, and what has not left waits for the next one.
  void flush();
  /// Forgets everything.
  void clear();

 private:
  /// Of one PUBLISH, the messages whose outcome somebody wants to know.
  struct Contents {
    std::vector<RequestId> requests;
    std::vector<OutgoingResponse> responses;
  };
  using ContentsPointer = std::unique_ptr<Contents>;

  enum class Kind { request, response, hint };

  struct Part {
    Kind kind = Kind::hint;
    TimePoint deadline{};
  };

  /// What leaves in one PUBLISH.
  struct Batch {
    wire::FrameWriter frame;
    std::vector<Part> parts;  // of the frame
    ContentsPointer contents;
  };

  /// What is being put together for one node.
  struct Slot {
    InstanceId target = 0;
    Batch batch;
  };

  /// Null if the message has to leave by itself.
  Slot* slot_for(const Address& address, std::size_t size);
  void publish_open_frame(InstanceId target);
  Slot* find_slot(InstanceId target);
  Slot& open_slot(InstanceId target);
  static Slot* make_room(Slot& slot, std::size_t size);
  void close_slots();
  void add(Slot& slot, std::string_view message, Part part);
  void publish(Slot& slot);
  void publish_singly(InstanceId target, Batch& batch);
  void publish(InstanceId target, std::string_view text, std::size_t messages, TimePoint deadline,
               ContentsPointer contents);
  void report(const ContentsPointer& contents, const redis::Outcome& outcome);
  ContentsPointer new_contents();
  void recycle(ContentsPointer contents);

  std::shared_ptr<NodeChannels> channels_;
  Events events_;
  std::vector<std::unique_ptr<Slot>> slots_;  // in use first, then spare ones
  std::size_t slots_in_use_ = 0;
  boost::unordered_flat_map<InstanceId, Slot*> slot_by_target_;  // of those in use
  Slot* last_slot_ = nullptr;                                    // the one that was used last
  std::size_t bytes_ = 0;                                        // in all frames
  Batch spare_batch_;                                            // its memory serves again
  std::vector<ContentsPointer> spare_contents_;
  std::uint32_t session_ = 0;  // counts the calls of `clear()`
  bool is_publishing_ = false;
};

}  // namespace mesh::core
