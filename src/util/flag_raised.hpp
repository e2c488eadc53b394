#pragma once

namespace mesh {

/// Raises a flag as long as it lives.
class FlagRaised {
 public:
  explicit FlagRaised(bool& flag) : flag_(flag) { flag_ = true; }
  FlagRaised(const FlagRaised&) = delete;
  FlagRaised& operator=(const FlagRaised&) = delete;
  ~FlagRaised() { flag_ = false; }

 private:
  bool& flag_;
};

}  // namespace mesh
