#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>

namespace mesh {

namespace detail {

/// Spreads the bits (SplitMix64's last step).
constexpr std::uint64_t mix_bits(std::uint64_t value) noexcept {
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}

/// FNV-1a with mixed bits: the same in every program.
constexpr std::uint64_t hash_text(std::string_view text,
                                  std::uint64_t seed = 0xcbf29ce484222325U) noexcept {
  for (const char c : text) {
    seed = (seed ^ static_cast<std::uint64_t>(static_cast<unsigned char>(c))) * 0x100000001b3U;
  }
  return mix_bits(seed);
}

/// Never 0.
constexpr std::uint64_t hash_label(std::string_view name, std::string_view text) noexcept {
  return hash_text(text, hash_text(name)) | 1U;
}

}  // namespace detail

/// Which nodes are meant: all, or those with certain labels. Keeps hashes of 63 bits and not the
/// texts, so that it can be kept and copied freely.
class NodeFilter {
 public:
  static constexpr std::size_t most_labels = 4;
  using Labels = std::array<std::uint64_t, most_labels>;

  constexpr NodeFilter() noexcept = default;

  /// Only nodes of which `ServiceInfo::labels` has this one, besides those that were asked for
  /// before. Throws `std::invalid_argument` for a fifth label.
  constexpr NodeFilter with_label(std::string_view name, std::string_view text) const {
    NodeFilter narrower = *this;
    for (std::uint64_t& label : narrower.labels_) {
      if (label != 0) continue;
      label = detail::hash_label(name, text);
      return narrower;
    }
    throw std::invalid_argument("nodes are chosen by at most 4 labels");
  }

  /// Hashes; 0 for none.
  constexpr const Labels& labels() const noexcept { return labels_; }

  friend constexpr bool operator==(const NodeFilter&, const NodeFilter&) = default;

 private:
  Labels labels_{};
};

/// How `MeshService::invoke_any()` chooses among the nodes that serve a message.
class Route {
 public:
  enum class Kind : std::uint8_t { round_robin, least_pending, random, by_key };

  /// One after the other.
  static constexpr Route round_robin() noexcept { return Route(Kind::round_robin, 0); }
  /// One that fewer calls of this node's `invoke_any()` and `invoke_all()` wait for than for
  /// another: the best of up to eight nodes, else the better one of two at random.
  static constexpr Route least_pending() noexcept { return Route(Kind::least_pending, 0); }
  static constexpr Route random() noexcept { return Route(Kind::random, 0); }
  /// The same node for the same key as long as it is there, on every calling node that sees the
  /// same ones; when one of N nodes leaves or joins, 1/N of the keys move (rendezvous hashing).
  static constexpr Route by_key(std::string_view key) noexcept {
    return Route(Kind::by_key, detail::hash_text(key));
  }

  /// Only among nodes with this label: see `NodeFilter::with_label()`.
  constexpr Route with_label(std::string_view name, std::string_view text) const {
    Route narrower = *this;
    narrower.filter_ = filter_.with_label(name, text);
    return narrower;
  }

  /// The same with just these labels.
  constexpr Route among(const NodeFilter& nodes) const noexcept {
    Route other = *this;
    other.filter_ = nodes;
    return other;
  }

  constexpr Kind kind() const noexcept { return kind_; }
  /// Hash of the key.
  constexpr std::uint64_t key() const noexcept { return key_; }
  constexpr const NodeFilter& filter() const noexcept { return filter_; }

 private:
  constexpr Route(Kind kind, std::uint64_t key) noexcept : key_(key), kind_(kind) {}

  std::uint64_t key_;
  NodeFilter filter_{};
  Kind kind_;
};

}  // namespace mesh
