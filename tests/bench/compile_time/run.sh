#!/usr/bin/env bash
# How long programs with the library take to compile, against one with Boost.Asio and nlohmann_json
# alone: see ../README.md.
#
#   bash tests/bench/compile_time/run.sh [--rounds N] [--compiler NAME]... [--flags FLAGS]
#
#   --rounds N        how often each program is compiled (default 7)
#   --compiler NAME   only this one, or these (default g++ and clang++)
#   --flags FLAGS     how (default -O0)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

rounds=7
compilers=()
flags=-O0
while [ $# -gt 0 ]; do
  case $1 in
    --rounds) rounds=$2; shift 2 ;;
    --compiler) compilers+=("$2"); shift 2 ;;
    --flags) flags=$2; shift 2 ;;
    *) echo "no such option: $1" >&2; exit 2 ;;
  esac
done
if [ ${#compilers[@]} -eq 0 ]; then compilers=(g++ clang++); fi
[ -z "${DRY_RUN:-}" ] || exit 0
for compiler in "${compilers[@]}"; do
  command -v "$compiler" >/dev/null || { echo "$compiler is missing" >&2; exit 2; }
done

export LC_ALL=C CCACHE_DISABLE=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
programs=(baseline library own_codec)

# The CPU time in ms that the compiler takes, which other processes on the machine disturb least.
cpu_time() {
  local TIMEFORMAT='%U %S'
  # shellcheck disable=SC2086  # several flags
  { time "$1" -std=c++20 $flags -Iinclude -c "tests/bench/compile_time/$2.cpp" -o "$work/object"; } \
    2>&1 >/dev/null | awk 'NF == 2 { printf "%.0f\n", ($1 + $2) * 1000 }'
}

# summarize NAME: the median, least and greatest of the numbers on standard input.
summarize() {
  sort -n | awk -v name="$1" '{ v[NR] = $1 }
    END { m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
          printf "%s=%g\n%s.min=%g\n%s.max=%g\n", name, m, name, v[1], name, v[NR] }'
}

for compiler in "${compilers[@]}"; do
  name=$(basename "$compiler")
  for program in "${programs[@]}"; do cpu_time "$compiler" "$program" >/dev/null; done  # warms up
  for ((round = 0; round < rounds; ++round)); do
    # Each round begins with another program.
    for ((i = 0; i < 3; ++i)); do
      program=${programs[(round + i) % 3]}
      cpu_time "$compiler" "$program" >>"$work/$name.$program"
    done
  done
  for program in "${programs[@]}"; do summarize "$name.$program.ms" <"$work/$name.$program"; done
  for program in library own_codec; do
    # Of the same round, so that a disturbance of the machine meets both.
    paste "$work/$name.$program" "$work/$name.baseline" | awk '{ printf "%.3f\n", $1 / $2 }' |
      summarize "$name.$program.ratio"
  done
done
