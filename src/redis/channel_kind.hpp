#pragma once

#include <string_view>

namespace mesh::redis {

/// How Redis passes messages on: all nodes of a cluster pass on those of a classic channel, whereas
/// a sharded one belongs to a slot, as a key does, and concerns just the nodes that have that.
enum class ChannelKind { classic, sharded };

/// What Redis calls the commands and the pushes of one kind.
struct ChannelWords {
  std::string_view subscribe;
  std::string_view unsubscribe;
  std::string_view publish;
  std::string_view message;       ///< a push
  std::string_view subscribed;    ///< a push
  std::string_view unsubscribed;  ///< a push
};

inline constexpr ChannelWords classic_words{"SUBSCRIBE", "UNSUBSCRIBE", "PUBLISH",
                                            "message",   "subscribe",   "unsubscribe"};
inline constexpr ChannelWords sharded_words{"SSUBSCRIBE", "SUNSUBSCRIBE", "SPUBLISH",
                                            "smessage",   "ssubscribe",   "sunsubscribe"};

constexpr const ChannelWords& words_of(ChannelKind kind) {
  return kind == ChannelKind::classic ? classic_words : sharded_words;
}

/// Why a connection ends whose server has given up the slot of its channels.
inline constexpr std::string_view slot_is_elsewhere =
    "another node of the cluster has the slot of the channels by now";
/// Why a connection ends whose server does not say whether it has the slot; the rest says why not.
inline constexpr std::string_view slot_is_unclear =
    "it is not known which node of the cluster has the slot of the channels";

}  // namespace mesh::redis
