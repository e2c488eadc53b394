#!/usr/bin/env bash
# Builds the fuzz targets with clang and lets each look for inputs that break the library.
#
#   bash tests/fuzz/run.sh [--seconds N | --runs N] [--jobs N] [target...]
#
# Without targets all of them run; by default 60 seconds each, one at a time. What they learn is
# kept in build/fuzz/corpus/TARGET, their output in build/fuzz/logs/TARGET.log, and an input that
# breaks something in build/fuzz/crashes. FUZZ_BUILD=no takes the programs as they are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

limit=-max_total_time=60
jobs=1
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) limit=-max_total_time=${2:?--seconds needs a number}; shift 2 ;;
    --runs) limit=-runs=${2:?--runs needs a number}; shift 2 ;;
    --jobs) jobs=${2:?--jobs needs a number}; shift 2 ;;
    -*) sed -n '4s/^# *//p' "$0" >&2; exit 2 ;;
    *) break ;;
  esac
done
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  for source in tests/fuzz/fuzz_*.cpp; do
    name=${source##*/fuzz_}
    targets+=("${name%.cpp}")
  done
fi

for name in "${targets[@]}"; do
  [ -f "tests/fuzz/fuzz_$name.cpp" ] || { echo "no such target: $name" >&2; exit 2; }
done
[ -z "${DRY_RUN:-}" ] || exit 0

if [ "${FUZZ_BUILD:-yes}" = yes ]; then
  . .ci/packages.sh
  need_packages tests checks
  . tests/quick_build.sh
  quick_configure fuzz
  cmake --build --preset fuzz --parallel "$(nproc)"
fi

run_target() {
  local name=$1 dictionary=redis options=()
  case $name in codec | dispatch | json) dictionary=json ;; esac
  # Its node lives on, so leaks show only in the end; and so much code has no time for statistics.
  [ "$name" != dispatch ] || options=(-detect_leaks=0 -entropic=0)
  mkdir -p "build/fuzz/corpus/$name" build/fuzz/crashes build/fuzz/logs
  local log=build/fuzz/logs/$name.log
  echo "$name: begins"
  if "build/fuzz/tests/fuzz/fuzz_$name" "$limit" "${options[@]}" -timeout=30 -rss_limit_mb=2048 \
    -max_len=2048 -print_final_stats=1 -dict="tests/fuzz/$dictionary.dict" \
    -artifact_prefix="build/fuzz/crashes/$name-" \
    "build/fuzz/corpus/$name" "tests/fuzz/corpus/$name" >"$log" 2>&1; then
    echo "$name: $(awk '/number_of_executed_units/ {print $2}' "$log") inputs, all well"
  else
    echo "$name: FAILED"
    tail -n 60 "$log"
    return 1
  fi
}
export limit
export -f run_target

printf '%s\n' "${targets[@]}" | xargs -P "$jobs" -I '{}' bash -c 'run_target {}'
