#include "observer.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace mesh::chaos {

namespace {

constexpr Nanoseconds just_now = 200'000'000;

}  // namespace

void Observer::follow(const std::string& process, std::filesystem::path log) {
  files_[process].path = std::move(log);
}

void Observer::forget(const std::string& process) {
  read(process, files_[process]);
  files_.erase(process);
  std::erase_if(members_, [&](const auto& entry) { return entry.second.process == process; });
}

void Observer::read() {
  for (auto& [process, file] : files_) read(process, file);
}

void Observer::read(const std::string& process, File& file) {
  std::ifstream stream(file.path, std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(file.offset));
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  std::size_t begin = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
    note(process, file, nlohmann::json::parse(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  file.offset += begin;
}

void Observer::note(const std::string& process, File& file, const nlohmann::json& line) {
  const std::string& event = line.at("e").get_ref<const std::string&>();
  if (event == "ready") ready_.insert(process);
  if (!line.contains("n")) return;
  MemberState& member = members_[line.at("n").get<std::string>()];
  member.process = process;
  if (event == "id") {
    member.id = line.at("id");
  } else if (event == "lead") {
    member.last_lead = line.at("t0");
  } else if (event == "cleaned_up") {
    reported_.insert(line.at("id").get<InstanceId>());
  } else if (event == "begin" || event == "done") {
    const auto& call = line.at("c").get_ref<const std::string&>();
    if (call.starts_with(ordered)) (event == "begin" ? begun_ : ended_).insert(call);
  } else if (event == "started_program") {
    programs_[line.at("c")] = line.at("pid").get<pid_t>();
  } else if (event == "call") {
    const Nanoseconds begun = line.at("t");
    file.open_calls[line.at("c")] = {line.at("to").get<InstanceId>(), begun};
  } else if (event == "end") {
    const auto call = file.open_calls.extract(line.at("c").get<std::string>());
    if (call.empty() || line.at("outcome") != "ok") return;
    const auto& [target, begun] = call.mapped();
    member.answered[target] = std::max(member.answered[target], begun);
  }
}

std::string Observer::leading_process() const {
  for (const auto& [name, member] : members_) {
    if (member.last_lead + just_now > now_ns()) return member.process;
  }
  return "";
}

std::string Observer::missing(std::size_t members, Nanoseconds since) const {
  std::size_t joined = 0;
  bool led = false;
  for (const auto& [name, member] : members_) {
    if (member.id != 0) ++joined;
    if (member.last_lead > since) led = true;
  }
  if (joined != members) {
    return std::to_string(joined) + " of " + std::to_string(members) + " members have joined";
  }
  if (!led) return "nobody leads";
  for (const auto& [name, caller] : members_) {
    for (const auto& [other, called] : members_) {
      if (name == other) continue;
      const auto answer = caller.answered.find(called.id);
      if (answer == caller.answered.end() || answer->second < since) {
        return name + " has had no answer from " + other + " (id " + std::to_string(called.id) +
               ")";
      }
    }
  }
  return "";
}

}  // namespace mesh::chaos
