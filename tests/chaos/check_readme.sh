#!/usr/bin/env bash
# Fails unless the README speaks of every fault: check_readme.sh CHAOS_RUN
set -euo pipefail

readme=$(dirname "${BASH_SOURCE[0]}")/README.md
faults=$("$1" --list)
for fault in $faults; do
  grep -qF "\`$fault\`" "$readme" || { echo "README.md does not mention $fault"; exit 1; }
done
