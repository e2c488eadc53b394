#!/usr/bin/env bash
# Nodes of an earlier state of the library and of this one in one mesh, each calling the other.
#
#   run.sh FOLDER MESH_NODE MESH_CALL COMPILER
#
# Builds the two example programs of the earlier state in FOLDER, unless they are there already, and
# runs them and the given ones on a private redis-server. Exits with 77 if git does not know that
# state, as in an archive of the sources or a shallow clone.
set -euo pipefail

earlier=68486deb648068b6beebeb9797d4dfcfab1aaf33
folder=$1 new_node=$2 new_call=$3 compiler=$4
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# --- Build -----------------------------------------------------------------------------------

if ! git -C "$source" cat-file -e "$earlier^{commit}" 2>/dev/null; then
  echo "skipped: git does not know the commit $earlier here; it takes a clone with all history"
  exit 77
fi
built=$folder/$earlier
if [ ! -e "$built/done" ]; then
  rm -rf "$built"
  mkdir -p "$built/source"
  git -C "$source" archive "$earlier" CMakeLists.txt cmake include src examples |
    tar -x -C "$built/source"
  # As cheap as it goes: few and large files, nothing optimized, and without TLS.
  cmake -S "$built/source" -B "$built" "-DCMAKE_CXX_COMPILER=$compiler" \
    -DCMAKE_BUILD_TYPE=None "-DCMAKE_CXX_FLAGS=-O0 -w" -DCMAKE_UNITY_BUILD=ON \
    -DCMAKE_UNITY_BUILD_BATCH_SIZE=0 -DMESHSERVICE_BUILD_TESTS=OFF -DMESHSERVICE_TLS=OFF
  cmake --build "$built" --parallel 2 --target mesh_node mesh_call
  touch "$built/done"
fi

# --- Helpers ---------------------------------------------------------------------------------

. "$source/examples/processes.sh"
patience=60
declare -A node=([earlier]=$built/examples/mesh_node [new]=$new_node)
declare -A caller=([earlier]=$built/examples/mesh_call [new]=$new_call)

start() {  # NAME earlier|new
  start_node "$1" "${node[$2]}" compatibility --ttl-ms 4000 --leader-ttl-ms 4000
}

# call earlier|new NODE STATUS TEXT ARGUMENTS...: must exit with STATUS and print TEXT.
call() {
  local kind=$1 to=$2 status=$3 text=$4 result=0 output
  shift 4
  output=$("${caller[$kind]}" compatibility "${id[$to]}" "$@" 2>&1) || result=$?
  echo "   the $kind mesh_call to $to: $* -> $result $output"
  [ "$result" -eq "$status" ] || fail "the status is $result instead of $status"
  [[ $output == *"$text"* ]] || fail "the output does not hold '$text'"
}

redis() { redis-cli -s "$dir/redis.sock" "$@"; }

# --- The test --------------------------------------------------------------------------------

start_redis

echo "== The earlier node leads, and both know of each other"
start old earlier
see old "this node leads now"
start young new
see old "joined: node ${id[young]}"
see young "joined: node ${id[old]}"

echo "== Calls in both directions"
for pair in "earlier young" "new old"; do
  read -r kind to <<<"$pair"
  call "$kind" "$to" 0 '["any",{"JSON":null}]' echo '["any", {"JSON": null}]'
  call "$kind" "$to" 0 '{"sum":42' add '{"a": 40, "b": 2}'
  call "$kind" "$to" 5 'out of tea' fail '{"message": "out of tea"}'
  call "$kind" "$to" 5 '/b' add '{"a": 1, "b": "two"}'
  call "$kind" "$to" 6 'missing' missing
done

echo "== Handlers that take three times the timeout, while all subscriptions are lost"
background monitor redis-cli -s "$dir/redis.sock" monitor
see monitor OK
background call_young "${caller[earlier]}" compatibility "${id[young]}" slow '{"ms": 6000}' --timeout-ms 2000
background call_old "${caller[new]}" compatibility "${id[old]}" slow '{"ms": 6000}' --timeout-ms 2000
see monitor '\"type\":\"slow\"' 2
redis client kill type pubsub >/dev/null
for name in call_young call_old; do
  wait "${pid[$name]}" || fail "$name exited with $?"
  unset "pid[$name]"
  see "$name" '{"sleptMs":6000}'
done
# Both callers sent their requests again, which takes an owner that they are sure of.
for name in young old; do
  grep -q "node:${id[$name]}\".*"'\\"repeat\\":true' "$dir/monitor.log" ||
    fail "no request to $name was repeated"
done
kill_at_once monitor

echo "== The earlier node removes a new one that died, and hands the lead over"
start victim new
kill_at_once victim
see old "removed node ${id[victim]}"
see young "left: node ${id[victim]}"
stop old
see young "this node leads now"

echo "== The new node removes an earlier one that died"
start old_victim earlier
kill_at_once old_victim
see young "removed node ${id[old_victim]}"
stop young
echo "All of it works."
