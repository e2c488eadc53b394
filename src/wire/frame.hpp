#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace mesh::wire {

/// Several messages to one node in one text, which is not JSON: a byte that no JSON text begins
/// with, and each message behind its length. See docs/protocol.md.
bool is_frame(std::string_view text);

/// What a node takes that understands frames, whatever its limit for messages is.
constexpr std::size_t largest_frame = std::size_t{64} << 10U;

class FrameWriter {
 public:
  /// Of a message of this size, so that `add()` does not throw.
  void make_room(std::size_t size);
  void add(std::string_view message);
  std::size_t messages() const { return messages_; }
  /// In bytes, with all around the messages.
  std::size_t size() const { return text_.size(); }
  /// What is to be sent, which of a single message is just that. Good until the next change.
  std::string_view text() const;
  /// Always a frame, also of a single message. Good until the next change.
  std::string_view frame() const { return text_; }
  /// Keeps the memory.
  void clear();

 private:
  std::string text_;
  std::size_t begin_of_first_ = 0;
  std::size_t messages_ = 0;
};

class FrameReader {
 public:
  /// The text must be a frame, and live longer.
  explicit FrameReader(std::string_view frame) : rest_(frame.substr(1)) {}

  /// The next message; nothing where there is none.
  std::optional<std::string_view> next();
  /// Whether all of it was read. If not, though `next()` found nothing, the frame is broken.
  bool is_at_end() const { return rest_.empty(); }

 private:
  std::optional<std::size_t> take_length();

  std::string_view rest_;
};

}  // namespace mesh::wire
