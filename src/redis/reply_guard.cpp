#include <redis/reply_guard.hpp>

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <strings.h>

#include <cstddef>

namespace mesh::redis {

namespace {

// More than any of our scripts returns; hiredis allocates for as many as are announced.
constexpr std::size_t most_elements = std::size_t{1} << 20U;

bool is_subscribed(const redisAsyncContext& context) {
  return (context.c.flags & REDIS_SUBSCRIBED) != 0;
}

// As hiredis judges it.
bool is_unsubscription(const redisReply& push) {
  const redisReply* const kind = push.element[0];
  if (kind == nullptr || kind->str == nullptr) return false;
  const bool is_pattern = kind->str[0] == 'p' || kind->str[0] == 'P';
  return strcasecmp(kind->str + (is_pattern ? 1 : 0), "unsubscribe") == 0;
}

bool may_be_element_of_push(const redisReply& push, int index, int type) {
  if (index < 2) {
    // The last of two: hiredis would look for the third of an unsubscription.
    const bool is_cut = index == 1 && push.elements < 3 && is_unsubscription(push);
    return type == REDIS_REPLY_STRING && !is_cut;
  }
  return index > 2 || type == REDIS_REPLY_INTEGER || !is_unsubscription(push);
}

// Nobody waits for an answer, so it must be a message to a subscriber or an error.
bool may_come_unasked(const redisAsyncContext& context, const redisReadTask& task, int type,
                      std::size_t elements) {
  if (task.parent == nullptr) {
    if (!is_subscribed(context)) return type == REDIS_REPLY_ERROR;
    return type != REDIS_REPLY_ARRAY || elements >= 2;
  }
  if (task.parent->parent != nullptr || task.parent->obj == nullptr) return true;
  return may_be_element_of_push(*static_cast<const redisReply*>(task.parent->obj), task.idx, type);
}

}  // namespace

/// What hiredis' parser calls. All but the guard is left to the functions it has by default.
struct ReplyGuard::Functions {
  // What is null counts as such, although the task has the type it was announced with.
  static bool allow(const redisReadTask* task, int type, std::size_t elements = 0) {
    auto& guard = *static_cast<ReplyGuard*>(task->privdata);
    const bool is_asked = guard.context_->replies.head != nullptr;
    const bool allowed = elements <= most_elements &&
                         (is_asked || may_come_unasked(*guard.context_, *task, type, elements));
    guard.has_refused_ |= !allowed;
    return allowed;
  }

  static void* create_string(const redisReadTask* task, char* text, std::size_t size) {
    return allow(task, task->type) ? defaults().createString(task, text, size) : nullptr;
  }
  // The type of the length depends on the version.
  template <typename Length>
  static void* create_array(const redisReadTask* task, Length length) {
    return allow(task, task->type, static_cast<std::size_t>(length))
               ? defaults().createArray(task, length)
               : nullptr;
  }
  static void* create_integer(const redisReadTask* task, long long value) {
    return allow(task, task->type) ? defaults().createInteger(task, value) : nullptr;
  }
  static void* create_nil(const redisReadTask* task) {
    return allow(task, REDIS_REPLY_NIL) ? defaults().createNil(task) : nullptr;
  }

  /// Those of hiredis, which are the same for all contexts.
  static const redisReplyObjectFunctions& defaults(const redisReader* fresh = nullptr) {
    static const redisReplyObjectFunctions functions = *fresh->fn;
    return functions;
  }

  static redisReplyObjectFunctions* guarded(const redisReader* fresh) {
    static redisReplyObjectFunctions functions = [fresh] {
      redisReplyObjectFunctions result = defaults(fresh);
      result.createString = &create_string;
      result.createArray = &create_array;
      result.createInteger = &create_integer;
      result.createNil = &create_nil;
      return result;
    }();
    return &functions;
  }
};

std::shared_ptr<ReplyGuard> ReplyGuard::attach(redisAsyncContext* context) {
  auto guard = std::make_shared<ReplyGuard>(context);
  redisReader* const reader = context->c.reader;
  reader->fn = Functions::guarded(reader);
  reader->privdata = guard.get();
  return guard;
}

}  // namespace mesh::redis
