#include <wire/node_info.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include <wire/json_object.hpp>
#include <wire/json_string.hpp>
#include <wire/json_writer.hpp>

namespace mesh::wire {

namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr std::size_t most_record_levels = 64;

std::string text_of(std::string_view value) {
  if (value.size() < 2 || !value.starts_with('"')) return {};
  std::string text;
  append_unescaped(text, value.substr(1, value.size() - 2));
  return text;
}

system_clock::time_point time_of(std::string_view value) {
  std::int64_t number = 0;
  const char* const end = value.data() + value.size();
  const auto result = std::from_chars(value.data(), end, number);
  constexpr std::int64_t latest = 253402300799999;  // the last of the year 9999
  const bool is_time =
      result.ec == std::errc() && result.ptr == end && number > 0 && number <= latest;
  return system_clock::time_point(milliseconds(is_time ? number : 0));
}

std::vector<std::string> texts_of(std::string_view value) {
  std::vector<std::string> texts;
  read_array(value, most_record_levels, [&texts](std::string_view element) {
    if (element.starts_with('"')) texts.push_back(text_of(element));
  });
  std::ranges::sort(texts);
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  return texts;
}

std::map<std::string, std::string> labels_of(std::string_view value) {
  std::map<std::string, std::string> labels;
  read_object(value, most_record_levels, [&labels](std::string_view name, std::string_view text) {
    if (text.starts_with('"')) labels[std::string(name)] = text_of(text);
  });
  return labels;
}

void append_texts(std::string& json, const std::vector<std::string>& texts) {
  json += '[';
  for (const std::string& text : texts) {
    if (json.back() != '[') json += ',';
    append_any_json_string(json, text);
  }
  json += ']';
}

void append_labels(std::string& json, const std::map<std::string, std::string>& labels) {
  ObjectWriter object(json);
  for (const auto& [name, text] : labels) object.text(name, text);
  object.end();
}

void add_info(ObjectWriter& object, const NodeInfo& info) {
  object.text("hostname", info.hostname);
  if (!info.name.empty()) object.text("name", info.name);
  if (!info.version.empty()) object.text("version", info.version);
  if (!info.labels.empty()) {
    object.member("labels", [&](std::string& json) { append_labels(json, info.labels); });
  }
  object.member("types", [&](std::string& json) { append_texts(json, info.types); });
  if (info.has_fallback_handler) {
    object.member("fallback", [](std::string& json) { json += "true"; });
  }
  const auto started_at =
      std::chrono::duration_cast<milliseconds>(info.started_at.time_since_epoch());
  object.number("startedAt", started_at.count()).text("language", info.language);
}

}  // namespace

std::string encode_node_info(const NodeInfo& info) {
  std::string json;
  ObjectWriter object(json);
  object.number("instanceId", info.instance_id);
  add_info(object, info);
  object.end();
  return json;
}

std::string encode_node_record(const NodeRecord& record) {
  std::string json;
  ObjectWriter object(json);
  object.text("owner", record.owner);
  add_info(object, record.info);
  object.end();
  return json;
}

std::optional<NodeRecord> decode_node_record(std::string_view json) {
  NodeRecord record;
  NodeInfo& info = record.info;
  const auto found =
      read_object(json, most_record_levels, [&](std::string_view name, std::string_view value) {
        if (name == "owner") record.owner = text_of(value);
        if (name == "hostname") info.hostname = text_of(value);
        if (name == "name") info.name = text_of(value);
        if (name == "version") info.version = text_of(value);
        if (name == "labels") info.labels = labels_of(value);
        if (name == "types") info.types = texts_of(value);
        if (name == "fallback") info.has_fallback_handler = value == "true";
        if (name == "startedAt") info.started_at = time_of(value);
        if (name == "language") info.language = text_of(value);
      });
  return found.verdict == JsonVerdict::good ? std::optional(std::move(record)) : std::nullopt;
}

}  // namespace mesh::wire
