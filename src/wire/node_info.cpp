#include <wire/node_info.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include <wire/json_object.hpp>
#include <wire/json_string.hpp>

namespace mesh::wire {

namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr std::size_t most_record_levels = 64;

void append_name(std::string& json, std::string_view name) {
  if (json.back() != '{') json += ',';
  append_any_json_string(json, name);
  json += ':';
}

void append_text(std::string& json, std::string_view name, std::string_view text) {
  append_name(json, name);
  append_any_json_string(json, text);
}

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

// The rest of an object that has begun.
void append_info(std::string& json, const NodeInfo& info) {
  append_text(json, "hostname", info.hostname);
  if (!info.name.empty()) append_text(json, "name", info.name);
  if (!info.version.empty()) append_text(json, "version", info.version);
  if (!info.labels.empty()) {
    append_name(json, "labels");
    json += '{';
    for (const auto& [name, text] : info.labels) append_text(json, name, text);
    json += '}';
  }
  append_name(json, "types");
  json += '[';
  for (const std::string& type : info.types) {
    if (json.back() != '[') json += ',';
    append_any_json_string(json, type);
  }
  json += ']';
  if (info.has_fallback_handler) {
    append_name(json, "fallback");
    json += "true";
  }
  append_name(json, "startedAt");
  const auto started_at =
      std::chrono::duration_cast<milliseconds>(info.started_at.time_since_epoch());
  json += std::to_string(started_at.count());
  append_text(json, "language", info.language);
  json += '}';
}

}  // namespace

std::string encode_node_info(const NodeInfo& info) {
  std::string json = "{";
  append_name(json, "instanceId");
  json += std::to_string(info.instance_id);
  append_info(json, info);
  return json;
}

std::string encode_node_record(const NodeRecord& record) {
  std::string json = "{";
  append_text(json, "owner", record.owner);
  append_info(json, record.info);
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
