#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <redis/reply.hpp>

struct redisReader;

namespace mesh::redis {

/// Makes replies of received bytes. hiredis reads the protocol; what it reads is put in place here,
/// where the memory of one message serves for the next.
class ReplyReader {
 public:
  ReplyReader();
  ~ReplyReader();
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  void feed(std::string_view bytes);

  /// The next reply, which the caller may take; it is good until the next call. Null if it is not
  /// complete, or the bytes are not the protocol: then `error()` says why.
  Reply* next();
  const std::string& error() const { return error_; }
  /// Whether all replies that were fed are complete and have been taken.
  bool is_between_replies() const { return is_between_replies_; }

 private:
  struct FreeReader {
    void operator()(redisReader* reader) const;
  };
  class Functions;

  std::unique_ptr<Functions> functions_;  // outlives the reader
  std::unique_ptr<redisReader, FreeReader> reader_;
  Reply reply_;
  std::size_t elements_ = 0;  // of all arrays in the reply
  std::string error_;
  bool is_between_replies_ = true;
};

}  // namespace mesh::redis
