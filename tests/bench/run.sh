#!/usr/bin/env bash
# Installs what is missing with apt, builds, and compares calls with other ways to make them: see
# README.md.
#
#   bash tests/bench/run.sh [option...]
#
#   --quick           2 rounds of 0.3 s, and only payloads of 64 bytes
#   --rounds N        how often all is measured (default 5)
#   --seconds S       how long each measurement takes (default 1)
#   --only NAME,...   only these of floor, hiredis, mesh, node, nats_flush, nats_batch, grpc
#   --json FILE       all figures of all rounds
#   --svg FILE        a plot
#
# NATS and gRPC are left out where their packages cannot be had.
set -euo pipefail
arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    --json | --svg) arguments+=("$1" "$(realpath -m "${2:?$1 needs a file}")"); shift 2 ;;
    *) arguments+=("$1"); shift ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. .ci/packages.sh
[ -z "${DRY_RUN:-}" ] || exec node tests/bench/bench.mjs --dry-run "${arguments[@]}"

need_packages demo bench
for rival in nats grpc; do
  need_packages "$rival" || echo "skipped: $rival (its packages cannot be installed)"
done
cmake --preset release -DMESHSERVICE_BUILD_BENCHMARKS=ON > /dev/null
cmake --build --preset release --parallel "$(nproc)" --target mesh_call_benchmarks > /dev/null
exec node tests/bench/bench.mjs --programs build/release/tests/bench/calls "${arguments[@]}"
