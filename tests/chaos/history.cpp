#include "history.hpp"

#include <algorithm>
#include <fstream>
#include <utility>

namespace mesh::chaos {

namespace {

std::string text(const nlohmann::json& line, const char* field) {
  const auto found = line.find(field);
  return found == line.end() ? "" : found->get<std::string>();
}

Span span_of(const nlohmann::json& line) {
  return Span{line.at("from").get<Nanoseconds>(), line.at("to").get<Nanoseconds>()};
}

}  // namespace

void HistoryReader::read(const std::string& process, const nlohmann::json& line) {
  const std::string event = line.at("e");
  if (process == "runner") {
    read_runner(event, line);
  } else {
    History::Process& record = history_.processes[process];
    record.last_event = std::max(record.last_event, line.at("t").get<Nanoseconds>());
    read_node(process, event, line);
  }
}

void HistoryReader::read_runner(std::string_view event, const nlohmann::json& line) {
  const Nanoseconds time = line.at("t");
  const std::string process = text(line, "p");
  if (event == "run") {
    history_.node_ttl = line.at("node_ttl_ms").get<Nanoseconds>() * nanoseconds_per_ms;
    history_.leader_ttl = line.at("leader_ttl_ms").get<Nanoseconds>() * nanoseconds_per_ms;
    history_.slack = line.at("slack_ms").get<Nanoseconds>() * nanoseconds_per_ms;
    history_.minutes = line.at("minutes");
    history_.seed = line.at("seed");
  } else if (event == "paused") {
    paused_[process] = time;
  } else if (event == "resumed") {
    history_.processes[process].still.push_back(Span{paused_[process], time});
    paused_.erase(process);
  } else if (event == "killed") {
    history_.processes[process].killed = line.at("from").get<Nanoseconds>();
  } else if (event == "asked_to_stop") {
    history_.processes[process].asked_to_stop = time;
  } else if (event == "loss") {
    history_.losses.push_back({text(line, "kind"), span_of(line)});
  } else if (event == "outage" && process.empty()) {
    history_.outages.push_back(span_of(line));
  } else if (event == "outage") {
    history_.processes[process].cut_off.push_back(span_of(line));
  } else if (event == "disconnected") {
    history_.disconnections.push_back(span_of(line));
  } else if (event == "monitor") {
    history_.monitors.push_back(span_of(line));
  } else if (event == "lease_cut") {
    history_.lease_cuts.push_back({process, line.at("renewed"), line.at("to")});
  } else if (event == "in_use") {
    history_.subscriptions.push_back({line.at("id"), span_of(line)});
  } else if (event == "ghost") {
    history_.dead.push_back({"a ghost", line.at("id"), time});
  } else if (event == "dead") {
    history_.dead.push_back({process, line.at("id"), time});
  } else if (event == "fault") {
    ++history_.faults[text(line, "kind")];
  } else if (event == "healed") {
    history_.healing_times.push_back(line.at("took"));
  } else if (event == "violation") {
    history_.runner_violations.push_back(text(line, "what"));
  } else if (event == "crashed" || event == "exited") {
    const bool good = event == "exited" && line.at("in_time").get<bool>() &&
                      line.at("status") == nlohmann::json{{"code", 0}};
    if (!good) history_.runner_violations.push_back(std::string(event) + ": " + line.dump());
  } else if (event == "replay") {
    ++history_.replays;
    for (const std::string call : line.at("calls")) history_.repeated.try_emplace(call, time);
  } else if (event == "migrated") {
    ++history_.migrations;
    history_.rearrangements.push_back(time);
  } else if (event == "failover") {
    ++history_.failovers;
    history_.rearrangements.push_back(time);
  } else if (event == "over") {
    history_.ended = true;
  }
}

void HistoryReader::read_node(const std::string& process, std::string_view event,
                              const nlohmann::json& line) {
  const Nanoseconds time = line.at("t");
  if (event == "call" || event == "end" || event == "begin" || event == "done") {
    read_call(event, line);
  } else if (event == "lead") {
    read_lead(line);
  } else if (event == "id") {
    read_id(line);
  } else if (event == "cleaned_up") {
    history_.reports.push_back({text(line, "n"), line.at("id"), time});
  } else if (event == "became_leader" || event == "lost_leader") {
    history_.leader_callbacks[text(line, "n")].emplace_back(time, event == "became_leader");
  } else if (event == "reregistered") {
    ++history_.reregistrations;
  } else if (event == "broadcast") {
    ++history_.broadcasts;
  } else if (event == "process") {
    history_.processes[process].protocol_thread = line.value("protocol_thread", false);
  } else if (event == "stall") {
    History::Process& record = history_.processes[process];
    const bool only_handlers = record.protocol_thread && line.contains("n");
    (only_handlers ? record.busy : record.still).push_back(span_of(line));
  } else if (event == "rss") {
    history_.processes[process].resident_kb.emplace_back(time, line.at("kb"));
  } else if (event == "stats") {
    history_.stats.push_back({text(line, "n"), line.at("sent"), line.at("succeeded"),
                              line.at("failed"), line.at("in_flight"),
                              line.value("rerouted", std::uint64_t{0})});
  }
}

void HistoryReader::read_call(std::string_view event, const nlohmann::json& line) {
  const Nanoseconds time = line.at("t");
  History::Call& call = history_.calls[line.at("c").get<std::string>()];
  if (event == "call") {
    call.member = text(line, "n");
    call.kind = text(line, "kind");
    call.target = line.at("to");
    call.timeout = line.at("timeout").get<Nanoseconds>() * nanoseconds_per_ms;
    call.begin = time;
  } else if (event == "end") {
    if (++call.ends > 1) return;
    call.end = time;
    call.outcome = text(line, "outcome");
    call.executed = text(line, "executed");
    call.text = text(line, "text");
  } else if (event == "begin") {
    call.runs.push_back({text(line, "n"), time, std::nullopt});
  } else {
    // Several of one member at once would be told apart no better, and are a violation anyway.
    for (History::Run& run : call.runs) {
      if (run.member == text(line, "n") && !run.end) {
        run.end = time;
        break;
      }
    }
  }
}

void HistoryReader::read_lead(const nlohmann::json& line) {
  const std::string member = text(line, "n");
  const std::int64_t token = line.at("token");
  const Nanoseconds before = line.at("t0");
  const auto open = open_terms_.find(member);
  if (open != open_terms_.end() && history_.terms[open->second].token == token) {
    Span& span = history_.terms[open->second].span;
    span.to = std::max(span.to, before);
    history_.leading_looks.push_back({member, before, span.from});
    return;
  }
  // Held for certain from the end of the first look to the beginning of the last.
  const Nanoseconds after = line.at("t1");
  open_terms_[member] = history_.terms.size();
  history_.terms.push_back({member, token, Span{after, after}});
  history_.leading_looks.push_back({member, before, after});
}

void HistoryReader::read_id(const nlohmann::json& line) {
  const std::string member = text(line, "n");
  const InstanceId id = line.at("id");
  const auto open = open_holds_.find(member);
  if (open != open_holds_.end()) {
    Span& span = history_.holds[open->second].span;
    span.to = std::max(span.from, line.at("before").get<Nanoseconds>());
    open_holds_.erase(open);
  }
  if (id == 0) return;
  open_holds_[member] = history_.holds.size();
  history_.holds.push_back({member, id, Span{line.at("seen").get<Nanoseconds>(), forever}});
}

void HistoryReader::read_folder(const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".jsonl") continue;
    std::ifstream file(entry.path());
    std::string line;
    while (std::getline(file, line)) {
      const auto document = nlohmann::json::parse(line, nullptr, false);
      if (!document.is_discarded()) read(entry.path().stem().string(), document);
    }
  }
}

History HistoryReader::take() {
  for (const auto& [process, since] : paused_) {
    history_.processes[process].still.push_back(Span{since, forever});
  }
  for (const auto& [member, index] : open_holds_) {
    const auto& process = history_.processes[History::process_of(member)];
    Span& span = history_.holds[index].span;
    span.to = std::max(span.from, process.killed.value_or(process.last_event));
  }
  return std::move(history_);
}

}  // namespace mesh::chaos
