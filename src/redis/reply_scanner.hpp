#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mesh::redis {

/// Finds where replies end, keeps nothing of them, and objects to what announces that it will be
/// absurdly large before any of that has come. No I/O.
class ReplyScanner {
 public:
  /// More than anything that is asked for, such as the list of a hundred thousand nodes.
  static constexpr std::size_t largest_reply = std::size_t{64} << 20U;

  explicit ReplyScanner(std::size_t largest = largest_reply) : largest_(largest) {}

  /// How many of the bytes belong to the reply that is under way, or that they begin with. Fewer
  /// than all where it ends, or is objected to.
  std::size_t scan(std::string_view bytes);

  bool is_between_replies() const { return size_ == 0; }
  /// Why the reply must not be read on; empty if there is no reason.
  const std::string& objection() const { return objection_; }

 private:
  std::size_t scan_line(std::string_view bytes);
  void end_line();
  void begin_array(std::int64_t length);
  void end_element();
  void count(std::size_t bytes);

  std::size_t largest_;
  std::size_t size_ = 0;                // of the reply so far
  std::string line_;                    // the beginning of the one that is being read
  char last_ = '\0';                    // byte of it
  std::size_t text_left_ = 0;           // with the end of its line
  std::vector<std::int64_t> elements_;  // that are missing in each array that is not complete
  std::string objection_;
};

}  // namespace mesh::redis
