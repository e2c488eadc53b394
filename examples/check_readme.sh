#!/usr/bin/env bash
# Fails unless the program in the README is examples/quickstart.cpp, to the letter.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The first block of C++ in the README.
awk '/^```cpp$/ {inside = 1; next} /^```$/ && inside {exit} inside' README.md |
  diff -u examples/quickstart.cpp - && echo "README.md and examples/quickstart.cpp agree"
