#!/usr/bin/env bash
# Installs what is missing with apt, builds, and runs every test.
#
#   bash tests/run.sh [--preset dev|release|asan|tsan|clang] [--werror] [ctest argument...]
#
# For example only the unit tests, with the address sanitizer:
#   bash tests/run.sh --preset asan -L unit
#
# It compiles several files at a time, which takes a third of the time where all have to be
# compiled, and with few debug symbols. `cmake --preset NAME` goes back to one at a time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. .ci/packages.sh
. tests/quick_build.sh

preset=dev
options=()
while [ $# -gt 0 ]; do
  case $1 in
    --preset) preset=${2:?--preset needs a name}; shift 2 ;;
    --werror) options+=(-DMESHSERVICE_WERROR=ON); shift ;;
    *) break ;;
  esac
done

if [ -n "${DRY_RUN:-}" ]; then
  presets=$(cmake --list-presets)
  grep -q "\"$preset\"" <<<"$presets" || { echo "no such preset: $preset" >&2; exit 2; }
  exec ctest --test-dir "$DRY_RUN" -N "$@"
fi
need_packages tests
quick_configure "$preset" "${options[@]}"
cmake --build --preset "$preset" --parallel "$(nproc)"

# All of it is shown where it runs, the summary at the end, and ctest's status is this script's.
# Most tests wait most of the time; with a sanitizer they have more to do.
case $preset in asan | tsan) tests_per_core=3 ;; *) tests_per_core=4 ;; esac
ctest --preset "$preset" --parallel "$((tests_per_core * $(nproc)))" --no-tests=error "$@"
