#pragma once

#include <string>
#include <utility>

#include "faults.hpp"

namespace mesh::chaos {

/// While it lives Redis may lose its data.
class Loss {
 public:
  Loss(Stage& stage, std::string kind) : stage_(stage), kind_(std::move(kind)) {
    stage_.replayer.suspend();
    from_ = now_ns();
  }
  ~Loss() {
    stage_.log.write("loss", {{"kind", kind_}, {"from", from_}, {"to", now_ns()}});
    stage_.replayer.resume();
  }
  Loss(const Loss&) = delete;
  Loss& operator=(const Loss&) = delete;

 private:
  Stage& stage_;
  std::string kind_;
  Nanoseconds from_ = 0;
};

/// While it lives, all processes, or one, cannot use Redis.
class Outage {
 public:
  explicit Outage(Stage& stage, std::string process = "")
      : stage_(stage), process_(std::move(process)), from_(now_ns()) {}
  ~Outage() { stage_.log.write("outage", {{"p", process_}, {"from", from_}, {"to", now_ns()}}); }
  Outage(const Outage&) = delete;
  Outage& operator=(const Outage&) = delete;

 private:
  Stage& stage_;
  std::string process_;
  Nanoseconds from_;
};

inline void note_disconnection(Stage& stage, Nanoseconds from, const std::string& process = "") {
  stage.log.write("disconnected", {{"p", process}, {"from", from}, {"to", now_ns()}});
}

}  // namespace mesh::chaos
