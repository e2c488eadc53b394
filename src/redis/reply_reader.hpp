#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <redis/reply.hpp>
#include <redis/reply_scanner.hpp>

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

  /// Takes no more than the rest of one reply, after which `next()` is to be called; returns how
  /// many bytes that is.
  std::size_t feed(std::string_view bytes);

  /// The reply, which the caller may take; it is good until the next call. Null if it is not
  /// complete, is too large, or the bytes are not the protocol: then `error()` says why.
  Reply* next();
  const std::string& error() const { return error_; }

  /// Whether all that was fed has been read, to the end of a reply.
  bool is_empty() const;

 private:
  struct FreeReader {
    void operator()(redisReader* reader) const;
  };
  class Functions;

  std::unique_ptr<Functions> functions_;  // outlives the reader
  std::unique_ptr<redisReader, FreeReader> reader_;
  ReplyScanner scanner_;
  Reply reply_;
  std::size_t elements_ = 0;  // of all arrays in the reply
  std::string error_;
  bool is_between_replies_ = true;
};

}  // namespace mesh::redis
