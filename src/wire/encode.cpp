#include <wire/encode.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <wire/json_bytes.hpp>
#include <wire/json_string.hpp>
#include <wire/json_writer.hpp>

namespace mesh::wire {

namespace {

using std::chrono::milliseconds;

constexpr std::string_view no_handler_prefix = "MESH_NO_HANDLER:";
// Timers of Node.js take what is longer for 1 ms.
constexpr milliseconds longest_timeout_on_the_wire{2147483647};

// A request of a longer type is written anew each time, rather than kept.
constexpr std::size_t longest_usual_type = 256;

char* put(char* place, std::string_view text) { return std::copy(text.begin(), text.end(), place); }

/// Puts a message together. Room for names, numbers and short texts is made at first, so that they
/// can be written one after the other.
class MessageWriter {
 public:
  explicit MessageWriter(std::size_t size_of_texts, std::size_t size_of_data = 0,
                         std::string memory = {})
      : text_(std::move(memory)) {
    text_.reserve(size_of_texts + size_of_data + 2 * usual_rest);
    // Not from nothing: that would fill with zeros what was filled before.
    text_.resize(size_of_texts + usual_rest);
    next_ = text_.data();
  }

  MessageWriter& raw(std::string_view text) {
    next_ = put(next_, text);
    return *this;
  }
  // Error texts come from arbitrary exceptions, so what is not UTF-8 is replaced, not refused.
  MessageWriter& quoted(std::string_view text) {
    if (needs_no_escapes(text)) return raw("\"").raw(text).raw("\"");
    return append([text](std::string& whole) { append_any_json_string(whole, text); });
  }
  MessageWriter& number(std::int64_t value) {
    constexpr std::size_t most_characters = 20;
    next_ = std::to_chars(next_, next_ + most_characters, value).ptr;
    return *this;
  }
  MessageWriter& json(std::string_view data) {
    return append([data](std::string& whole) { whole += data; });
  }
  std::string take() {
    cut();
    return std::move(text_);
  }

 private:
  static constexpr std::size_t usual_rest = 224;  // names of fields and numbers

  std::size_t written() const { return static_cast<std::size_t>(next_ - text_.data()); }

  void cut() { text_.resize(written()); }
  void make_room(std::size_t size) {
    const std::size_t before = text_.size();
    text_.resize(before + size);
    next_ = text_.data() + before;
  }

  // What is of any size. The room that was left may still be needed.
  template <typename Append>
  MessageWriter& append(Append append) {
    const std::size_t left = text_.size() - written();
    cut();
    append(text_);
    make_room(left);
    return *this;
  }

  std::string text_;
  char* next_ = nullptr;  // in the text
};

constexpr std::string_view begin_of_message = R"({"requestId":")";

/// A message that begins with a request id, and goes on so. More may be appended.
std::string encode_head(std::string_view request_id, std::string_view rest,
                        std::size_t size_of_more = 0) {
  std::string escaped;
  if (!needs_no_escapes(request_id)) {
    append_any_json_string(escaped, request_id);
    request_id = std::string_view(escaped).substr(1, escaped.size() - 2);  // without its quotes
  }
  const std::size_t size = begin_of_message.size() + request_id.size() + rest.size();
  std::string head;
  head.reserve(size + size_of_more);
  head.resize(size);
  put(put(put(head.data(), begin_of_message), request_id), rest);
  return head;
}

}  // namespace

// `data` comes last, so that of a request that is too large its beginning tells all the rest.
std::string encode_request(const OutgoingRequest& request, std::string memory) {
  MessageWriter message(request.request_id.size() + request.type.size() + request.owner.size(),
                        request.data.size() + request.headers.size(), std::move(memory));
  message.raw(R"({"requestId":)")
      .quoted(request.request_id)
      .raw(R"(,"senderInstanceId":)")
      .number(request.sender)
      .raw(R"(,"type":)")
      .quoted(request.type)
      .raw(R"(,"timeoutMs":)")
      .number(std::min(request.timeout, longest_timeout_on_the_wire).count());
  if (request.accepts != 0) message.raw(R"(,"accepts":)").number(request.accepts);
  if (request.deadline) message.raw(R"(,"deadlineMs":)").number(request.deadline->count());
  if (!request.headers.empty()) message.raw(R"(,"headers":)").json(request.headers);
  if (request.repeat) message.raw(R"(,"repeat":true)");
  if (!request.owner.empty()) message.raw(R"(,"owner":)").quoted(request.owner);
  return message.raw(R"(,"data":)").json(request.data).raw("}").take();
}

std::string RequestWriter::encode(const OutgoingRequest& request, std::string memory) {
  const bool is_usual = !request.repeat && !request.deadline && request.headers.empty() &&
                        request.type.size() <= longest_usual_type;
  if (!is_usual) return encode_request(request, std::move(memory));
  if (!says_the_same(request)) remember(request);
  memory.resize(begin_of_message.size() + request.request_id.size() + middle_.size() +
                request.data.size() + 1);
  char* const head = put(put(put(memory.data(), begin_of_message), request.request_id), middle_);
  *put(head, request.data) = '}';
  return memory;
}

bool RequestWriter::says_the_same(const OutgoingRequest& request) const {
  return request.sender == sender_ && request.timeout == timeout_ && request.accepts == accepts_ &&
         request.type == type_ && !middle_.empty();
}

void RequestWriter::remember(const OutgoingRequest& request) {
  // First and last, in case that memory ends between.
  middle_.clear();
  sender_ = request.sender;
  type_ = request.type;
  timeout_ = request.timeout;
  accepts_ = request.accepts;
  std::string middle = encode_request({.request_id = "",
                                       .sender = request.sender,
                                       .type = request.type,
                                       .data = "",
                                       .timeout = request.timeout,
                                       .accepts = request.accepts});
  middle.erase(0, begin_of_message.size());
  middle.pop_back();
  middle_ = std::move(middle);
}

std::string begin_response(std::string_view request_id) {
  constexpr std::size_t usual_size_of_data = 216;
  return encode_head(request_id, R"(","reply":true,"data":)", usual_size_of_data);
}

void end_response(std::string& response) {
  response += '}';
  // It is kept until it has arrived.
  constexpr std::size_t much = std::size_t{4} << 10U;
  if (response.capacity() - response.size() > much) response.shrink_to_fit();
}

std::string encode_response(std::string_view request_id, std::string_view data) {
  std::string response = begin_response(request_id);
  response += data;
  end_response(response);
  return response;
}

std::string encode_error(std::string_view request_id, std::string_view error) {
  return MessageWriter(request_id.size() + error.size())
      .raw(R"({"requestId":)")
      .quoted(request_id)
      .raw(R"(,"reply":true,"error":)")
      .quoted(error)
      .raw("}")
      .take();
}

std::string encode_failure(std::string_view request_id, const Failure& failure) {
  MessageWriter message(request_id.size() + failure.error.size() + failure.code.size());
  message.raw(R"({"requestId":)").quoted(request_id).raw(R"(,"reply":true,"error":)");
  message.quoted(failure.error);
  if (!failure.code.empty()) message.raw(R"(,"code":)").quoted(failure.code);
  if (failure.executed) message.raw(R"(,"executed":)").quoted(to_string(*failure.executed));
  if (!failure.details.empty()) message.raw(R"(,"details":)").json(failure.details);
  return message.raw("}").take();
}

std::string encode_cancel(std::string_view request_id) {
  return encode_head(request_id, R"(","cancel":true})");
}

std::string encode_headers(const Headers& headers) {
  std::string json;
  ObjectWriter object(json);
  for (const auto& [name, text] : headers) object.text(name, text);
  object.end();
  return json;
}

std::string encode_heartbeat(std::string_view request_id) {
  return encode_head(request_id, R"(","heartbeat":true})");
}

std::string encode_broadcast(InstanceId sender, std::string_view type, std::string_view data) {
  return MessageWriter(type.size(), data.size())
      .raw(R"({"broadcast":true,"senderInstanceId":)")
      .number(sender)
      .raw(R"(,"type":)")
      .quoted(type)
      .raw(R"(,"data":)")
      .json(data)
      .raw("}")
      .take();
}

std::string no_handler_error(std::string_view type) {
  return std::string(no_handler_prefix).append(type);
}

std::optional<std::string> parse_no_handler_error(std::string_view error) {
  if (!error.starts_with(no_handler_prefix)) return std::nullopt;
  return std::string(error.substr(no_handler_prefix.size()));
}

}  // namespace mesh::wire
