#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace mesh::core {

/// Texts that go in the order they came, one behind the other in large blocks: that spares an
/// allocation each, and the cache. Views of them are good until they are dropped.
class TextFifo {
 public:
  std::string_view push(std::string_view text) {
    if (blocks_.empty() || blocks_.back().size - blocks_.back().used < text.size()) {
      add_block(text.size());
    }
    Block& block = blocks_.back();
    char* const place = block.bytes.get() + block.used;
    if (!text.empty()) std::memcpy(place, text.data(), text.size());
    block.used += text.size();
    ++block.texts;
    return {place, text.size()};
  }

  /// Drops the oldest text.
  void pop() {
    Block& oldest = blocks_.front();
    if (--oldest.texts > 0) return;
    if (oldest.size == usual_size) {
      oldest.used = 0;
      spare_ = std::move(oldest);
    }
    blocks_.pop_front();
  }

 private:
  static constexpr std::size_t usual_size = std::size_t{16} << 10U;

  struct Block {
    std::unique_ptr<char[]> bytes;  // NOLINT(modernize-avoid-c-arrays): not to be initialized
    std::size_t size = 0;
    std::size_t used = 0;
    std::size_t texts = 0;
  };

  void add_block(std::size_t at_least) {
    if (spare_ && at_least <= usual_size) {
      blocks_.push_back(*std::exchange(spare_, std::nullopt));
      return;
    }
    const std::size_t size = std::max(at_least, usual_size);
    blocks_.push_back(Block{std::unique_ptr<char[]>(new char[size]), size});  // NOLINT
  }

  std::deque<Block> blocks_;
  std::optional<Block> spare_;
};

}  // namespace mesh::core
