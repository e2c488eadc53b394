#!/usr/bin/env bash
# Builds what is needed and plays faults for a long time: see README.md.
#
#   bash tests/chaos/run.sh [--sanitizer asan|tsan|none] [chaos_run option...]
#
#   --minutes M                    how long (default 10)
#   --seed S                       draws the schedule (default: another each time, printed first)
#   --redis plain|sentinel|cluster|mixed
#                                  one server, a failover pair, a cluster of six, or half the time
#                                  each of the first two (mixed)
#   --nodes N                      processes of the mesh (default 3)
#   --scale X                      stretches every duration (default 1; 2 with tsan)
#   --rate R                       calls per second of each node (default 20)
#   --faults NAME...               only these faults, such as flush_all
#   --logs DIR                     keep the event logs there; those of a failed run are kept anyway
#
# Needs what the tests need. Fails if an invariant was broken, and says how to play the same
# schedule again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/quick_build.sh

preset=dev
defaults=(--minutes 10 --redis mixed)
arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    --sanitizer)
      case ${2:?--sanitizer needs a name} in
        asan) preset=asan ;;
        tsan) preset=tsan ; defaults+=(--scale 2) ;;
        none) preset=dev ;;
        *) echo "no such sanitizer: $2" >&2; exit 2 ;;
      esac
      shift 2 ;;
    *) arguments+=("$1"); shift ;;
  esac
done

if [ -n "${DRY_RUN:-}" ]; then
  exec "$DRY_RUN/tests/chaos/chaos_run" --dry-run "${defaults[@]}" "${arguments[@]}"
fi
cmake --preset "$preset" > /dev/null
cmake --build --preset "$preset" --parallel "$(nproc)" --target chaos_run > /dev/null
exec "build/$preset/tests/chaos/chaos_run" "${defaults[@]}" "${arguments[@]}"
