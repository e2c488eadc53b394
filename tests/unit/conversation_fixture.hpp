#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <redis/conversation.hpp>

namespace mesh::redis {

/// A conversation that notes what it reports.
class ConversationTest : public ::testing::Test {
 protected:
  explicit ConversationTest(ChannelKind kind = ChannelKind::classic)
      : conversation_(callbacks(), kind) {}

  void ask(const std::vector<std::string>& command) {
    const std::size_t index = replies_.size();
    replies_.emplace_back("not yet");
    const std::vector<std::string_view> words(command.begin(), command.end());
    conversation_.command(Command(words), [this, index](const Outcome& outcome) {
      EXPECT_EQ(replies_[index], "not yet") << "called twice";
      const bool has_reply = outcome.failure == Failure::none;
      replies_[index] = has_reply ? describe(outcome.reply) : "none";
    });
  }

  std::optional<std::string> receive(const std::string& bytes) {
    return conversation_.receive(bytes);
  }
  std::string sent() { return std::exchange(conversation_.output(), {}); }
  const std::vector<std::string>& replies() const { return replies_; }
  const std::vector<std::string>& reports() const { return reports_; }
  const std::vector<std::string>& oversized() const { return oversized_; }
  /// Error replies that somebody is told of.
  const std::vector<std::string>& errors() const { return errors_; }
  void forget_reports() { reports_.clear(); }
  Conversation& conversation() { return conversation_; }

 private:
  static std::string describe(const Reply& reply) {
    switch (reply.kind) {
      case Reply::Kind::nil:
        return "nil";
      case Reply::Kind::integer:
        return std::to_string(reply.integer);
      case Reply::Kind::text:
        return reply.text;
      case Reply::Kind::error:
        return "error " + reply.text;
      case Reply::Kind::array:
        break;
    }
    std::string text = "[";
    for (const Reply& element : reply.elements) text += describe(element) + ",";
    return text + "]";
  }

  Connection::Callbacks callbacks() {
    Connection::Callbacks callbacks;
    callbacks.on_subscribed = [this](std::string_view channel) {
      reports_.push_back("subscribed " + std::string(channel));
    };
    callbacks.on_message = [this](std::string_view channel, std::string_view payload) {
      reports_.push_back(std::string(channel) + ": " + std::string(payload));
    };
    callbacks.on_error_reply = [this](const Reply& reply) { errors_.push_back(reply.text); };
    callbacks.on_oversized = [this](const OversizedMessage& message) {
      oversized_.push_back(std::string(message.beginning));
      reports_.push_back(std::string(message.channel) + ": " + std::to_string(message.size) +
                         " bytes");
    };
    return callbacks;
  }

  std::vector<std::string> errors_;
  std::vector<std::string> oversized_;
  std::vector<std::string> replies_;
  std::vector<std::string> reports_;
  Conversation conversation_;
};

}  // namespace mesh::redis
