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

  /// Whether no reply has been begun, as far as `next()` was called.
  bool is_between_replies() const { return is_between_replies_; }
  /// What was fed and not read so far.
  std::string_view unread() const;
  /// Between replies only: the same, which is not to be read here any more.
  std::string take_unread();
  /// Whether all that was fed has been read, to the end of a reply.
  bool is_empty() const { return is_between_replies_ && unread().empty(); }

 private:
  struct FreeReader {
    void operator()(redisReader* reader) const;
  };
  class Functions;

  void make_reader();

  std::unique_ptr<Functions> functions_;  // outlives the reader
  std::unique_ptr<redisReader, FreeReader> reader_;
  Reply reply_;
  std::size_t elements_ = 0;  // of all arrays in the reply
  std::string error_;
  bool is_between_replies_ = true;
};

}  // namespace mesh::redis
