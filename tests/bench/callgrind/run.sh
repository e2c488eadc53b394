#!/usr/bin/env bash
# Counts instructions with callgrind: of each operation of the codec, and of one whole call on the
# side of the caller and of the handler, alone and one of 50 in flight. See README.md.
#
#   bash tests/bench/callgrind/run.sh [--calls N] [--operations N] [--profile DIR]
#
#   --calls N        N and 2 N calls are compared (default 1000)
#   --operations N   the same for the codec (default 2000)
#   --profile DIR    keep what callgrind wrote about the calls there, and list the costliest
#                    functions in DIR/*.{inclusive,self}.txt
#
# BUILD_DIR is the build directory (default build/release).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

calls=1000
operations=2000
profile=
while [ $# -gt 0 ]; do
  case $1 in
    --calls) calls=$2; shift 2 ;;
    --operations) operations=$2; shift 2 ;;
    --profile) profile=$2; shift 2 ;;
    *) echo "no such option: $1" >&2; exit 2 ;;
  esac
done

[ -z "${DRY_RUN:-}" ] || exit 0
for tool in valgrind redis-server redis-cli; do
  command -v "$tool" > /dev/null || { echo "$tool is missing" >&2; exit 2; }
done

build=${BUILD_DIR:-build/release}
cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DMESHSERVICE_BUILD_BENCHMARKS=ON > /dev/null
cmake --build "$build" --parallel "$(nproc)" \
  --target mesh_callgrind_codec mesh_callgrind_node > /dev/null
programs=$build/tests/bench/callgrind

work=$(mktemp -d)
pids=()
clean_up() {
  for pid in "${pids[@]}"; do kill "$pid" 2> /dev/null || true; done
  wait
  rm -rf "$work"
}
trap clean_up EXIT

callgrind=(valgrind --quiet --tool=callgrind)

instructions() { awk '$1 == "summary:" || $1 == "totals:" { print $2; exit }' "$1"; }

# allocations FILE: calls of malloc and calloc, by which `new` and Asio allocate too. The name of a
# function comes only where it is mentioned first.
allocations() {
  awk '/^c?fn=/ { sub(/^c?fn=/, ""); id = $1; if (NF > 1) name[id] = $2 }
       /^calls=/ { sub(/^calls=/, ""); if (name[id] ~ /^(malloc|calloc)$/) sum += $1 }
       END { print sum }' "$1"
}

# per NAME FEW MANY COUNT: prints what one of COUNT more cost.
per() { awk -v n="$1" -v a="$2" -v b="$3" -v c="$4" 'BEGIN { printf "%s=%.0f\n", n, (b - a) / c }'; }

value() { sed -n "s/^$2=//p" "$1"; }

count_codec() {
  local operation=$1
  "${callgrind[@]}" --callgrind-out-file="$work/few" \
    "$programs/mesh_callgrind_codec" "$operation" "$operations" > /dev/null
  "${callgrind[@]}" --callgrind-out-file="$work/many" \
    "$programs/mesh_callgrind_codec" "$operation" $((2 * operations)) > /dev/null
  per "instructions.codec.$operation" "$(instructions "$work/few")" "$(instructions "$work/many")" \
    "$operations"
}

start_redis() {
  redis-server --port 0 --unixsocket "$work/redis.sock" --save "" --appendonly no \
    --dir "$work" > "$work/redis.log" &
  redis=$!
  pids+=("$redis")
  for _ in $(seq 100); do
    redis-cli -s "$work/redis.sock" PING > /dev/null 2>&1 && return
    sleep 0.1
  done
  echo "redis-server does not start" >&2
  exit 1
}

# add_nodes COUNT: makes Redis believe in so many more nodes, which say that they serve other messages.
add_nodes() {
  redis-cli -s "$work/redis.sock" EVAL "
    local stem = 'callgrind:mesh:calls:'
    for id = 1000, 999 + ARGV[1] do
      redis.call('ZADD', stem .. 'heartbeats', redis.call('TIME')[1] * 1000, id)
      redis.call('HSET', stem .. 'nodes', id, 'host')
      redis.call('SET', stem .. 'owner:' .. id, 'somebody')
      redis.call('HSET', stem .. 'info', id,
                 '{\"owner\":\"somebody\",\"types\":[\"other\"],\"language\":\"C++\"}')
    end" 0 "$1" > "$work/redis-cli.txt"
}

# run_calls NAME COUNT IN_FLIGHT [OPTION...]: both sides, each under callgrind, with a Redis of their own.
run_calls() {
  local name=$1 count=$2 in_flight=$3 handler
  shift 3
  start_redis
  export MESH_REDIS_URL="unix://$work/redis.sock"
  # Not by way of a function: $! must be the process that gets the signal.
  "${callgrind[@]}" --callgrind-out-file="$work/$name.handler.callgrind" \
    "$programs/mesh_callgrind_node" handler > "$work/$name.handler.txt" &
  handler=$!
  pids+=("$handler")
  for _ in $(seq 600); do
    grep -qs "^id=" "$work/$name.handler.txt" && break
    sleep 0.1
  done
  [ "$nodes" -eq 2 ] || add_nodes $((nodes - 2))
  "${callgrind[@]}" --callgrind-out-file="$work/$name.caller.callgrind" \
    "$programs/mesh_callgrind_node" caller "$(value "$work/$name.handler.txt" id)" "$count" \
    --in-flight "$in_flight" "$@" > "$work/$name.caller.txt"
  kill -TERM "$handler"
  wait "$handler"
  kill "$redis"
  wait "$redis" || true
  pids=()
}

for operation in {encode,decode}_{request,response,error,heartbeat,broadcast}; do
  count_codec "$operation"
done

nodes=2  # of the mesh

# count_calls NAME IN_FLIGHT [OPTION...]
count_calls() {
  local name=$1 in_flight=$2
  shift 2
  local side few many total_few=0 total_many=0
  run_calls "few.$name" "$calls" "$in_flight" "$@"
  run_calls "many.$name" $((2 * calls)) "$in_flight" "$@"
  for side in caller handler; do
    few=$(instructions "$work/few.$name.$side.callgrind")
    many=$(instructions "$work/many.$name.$side.callgrind")
    total_few=$((total_few + few))
    total_many=$((total_many + many))
    per "instructions.$name.$side" "$few" "$many" "$calls"
  done
  per "instructions.$name" "$total_few" "$total_many" "$calls"
  for side in caller handler; do
    per "allocations.$name.$side" "$(allocations "$work/few.$name.$side.callgrind")" \
      "$(allocations "$work/many.$name.$side.callgrind")" "$calls"
  done
}

count_calls call 1
count_calls call_of_50 50
count_calls own_codec_of_50 50 --own-codec
nodes=1000
count_calls call_of_50_in_1000 50
for route in round_robin least_pending random by_key; do
  count_calls "any_of_50_in_1000.$route" 50 --any "$route"
done

if [ -n "$profile" ]; then
  mkdir -p "$profile"
  for name in {call,call_of_50,own_codec_of_50}.{caller,handler}; do
    cp "$work/many.$name.callgrind" "$profile/$name.callgrind"
    callgrind_annotate --inclusive=yes --threshold=100 "$profile/$name.callgrind" \
      > "$profile/$name.inclusive.txt"
    callgrind_annotate --threshold=100 "$profile/$name.callgrind" > "$profile/$name.self.txt"
  done
  echo "the costliest functions are in $profile" >&2
fi
