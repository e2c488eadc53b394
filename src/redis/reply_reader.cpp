#include <redis/reply_reader.hpp>

#include <hiredis/hiredis.h>

namespace mesh::redis {

/// What hiredis calls for each part of a reply. An array is announced with its length long before
/// its elements come, so that is limited.
class ReplyReader::Functions {
 public:
  Functions() {
    table_.createString = &create_string;
    table_.createArray = &create_array;  // the type of the length depends on the version
    table_.createInteger = &create_integer;
    table_.createNil = &create_nil;
    table_.freeObject = [](void*) {};
  }

  redisReplyObjectFunctions* table() { return &table_; }

 private:
  static constexpr std::size_t most_elements = std::size_t{1} << 20U;  // nodes, with two each

  static ReplyReader& reader_of(const redisReadTask* task) {
    return *static_cast<ReplyReader*>(task->privdata);
  }

  /// Where the part belongs. Its strings keep their memory.
  static Reply& place_of(const redisReadTask* task, Reply::Kind kind) {
    ReplyReader& reader = reader_of(task);
    Reply* place = &reader.reply_;
    if (task->parent == nullptr) {
      reader.elements_ = 0;
    } else {
      auto& siblings = static_cast<Reply*>(task->parent->obj)->elements;
      place = &siblings[static_cast<std::size_t>(task->idx)];
    }
    place->kind = kind;
    place->integer = 0;
    if (kind != Reply::Kind::array) place->elements.clear();
    if (kind != Reply::Kind::text && kind != Reply::Kind::error) place->text.clear();
    return *place;
  }

  static void* create_string(const redisReadTask* task, char* text, std::size_t size) {
    const bool is_error = task->type == REDIS_REPLY_ERROR;
    Reply& reply = place_of(task, is_error ? Reply::Kind::error : Reply::Kind::text);
    reply.text.assign(text, size);
    return &reply;
  }

  template <typename Length>
  static void* create_array(const redisReadTask* task, Length length) {
    Reply& reply = place_of(task, Reply::Kind::array);
    const auto size = static_cast<std::size_t>(length);
    std::size_t& elements = reader_of(task).elements_;
    if (size > most_elements - elements) return nullptr;
    elements += size;
    reply.elements.resize(size);
    for (Reply& element : reply.elements) element.kind = Reply::Kind::nil;
    return &reply;
  }

  static void* create_integer(const redisReadTask* task, long long value) {
    Reply& reply = place_of(task, Reply::Kind::integer);
    reply.integer = value;
    return &reply;
  }

  static void* create_nil(const redisReadTask* task) { return &place_of(task, Reply::Kind::nil); }

  redisReplyObjectFunctions table_{};
};

void ReplyReader::FreeReader::operator()(redisReader* reader) const { redisReaderFree(reader); }

ReplyReader::ReplyReader()
    : functions_(std::make_unique<Functions>()),
      reader_(redisReaderCreateWithFunctions(functions_->table())) {
  if (reader_) reader_->privdata = this;
}

ReplyReader::~ReplyReader() = default;

std::size_t ReplyReader::feed(std::string_view bytes) {
  const std::size_t size = scanner_.scan(bytes);
  if (reader_) redisReaderFeed(reader_.get(), bytes.data(), size);
  return size;
}

bool ReplyReader::is_empty() const {
  return is_between_replies_ && (!reader_ || reader_->pos == reader_->len);
}

Reply* ReplyReader::next() {
  if (!reader_) {
    error_ = "out of memory";
    return nullptr;
  }
  void* reply = nullptr;
  is_between_replies_ = false;
  if (redisReaderGetReply(reader_.get(), &reply) != REDIS_OK) {
    error_ = reader_->errstr;
    return nullptr;
  }
  if (reply == nullptr) {
    error_ = scanner_.objection();
    return nullptr;
  }
  // Types of a later protocol, which nobody asked for, are not put in place here.
  if (reply != &reply_) {
    error_ = "a reply of another version of the protocol";
    return nullptr;
  }
  is_between_replies_ = true;
  return &reply_;
}

}  // namespace mesh::redis
