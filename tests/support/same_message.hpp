#pragma once

#include <variant>

#include <wire/decode.hpp>

namespace mesh::test {

/// Whether two decoded messages are equal, apart from the size of their texts.
struct SameMessage {
  bool operator()(const wire::Request& left, const wire::Request& right) const {
    return left.request_id == right.request_id && left.sender == right.sender &&
           left.type == right.type && left.data == right.data && left.timeout == right.timeout &&
           left.repeat == right.repeat && left.accepts == right.accepts &&
           left.deadline == right.deadline && left.headers == right.headers;
  }
  bool operator()(const wire::Response& left, const wire::Response& right) const {
    return left.request_id == right.request_id && left.data == right.data &&
           left.error == right.error && left.code == right.code && left.details == right.details &&
           left.executed == right.executed;
  }
  bool operator()(const wire::Heartbeat& left, const wire::Heartbeat& right) const {
    return left.request_id == right.request_id;
  }
  bool operator()(const wire::Cancel& left, const wire::Cancel& right) const {
    return left.request_id == right.request_id;
  }
  bool operator()(const wire::Broadcast& left, const wire::Broadcast& right) const {
    return left.sender == right.sender && left.type == right.type && left.data == right.data;
  }
  bool operator()(const wire::Malformed& /*left*/, const wire::Malformed& /*right*/) const {
    return true;
  }
  template <typename Left, typename Right>
  bool operator()(const Left& /*left*/, const Right& /*right*/) const {
    return false;
  }
};

template <typename Message>
bool is_same_message(const Message& left, const Message& right) {
  return std::visit(SameMessage{}, left, right);
}

}  // namespace mesh::test
