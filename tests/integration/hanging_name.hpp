#pragma once

#include <string>
#include <vector>

namespace mesh::test::faults {

/// Decides how the lookup of one host name goes in this process, in place of the system's resolver.
class HangingName {
 public:
  /// From now on it means 127.0.0.1.
  HangingName();
  /// Lets all lookups end.
  ~HangingName();
  HangingName(const HangingName&) = delete;
  HangingName& operator=(const HangingName&) = delete;

  static const std::string& name();
  /// From now on it means these.
  void set_addresses(std::vector<std::string> addresses);
  /// From now on lookups take until `release()`, and then fail.
  void hang();
  void release();
};

}  // namespace mesh::test::faults
