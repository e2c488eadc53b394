#!/usr/bin/env bash
# Builds the library and its examples, then shows a mesh of three processes at work.
#
#   bash examples/run.sh            # on a single Redis
#   bash examples/run.sh --cluster  # on a Redis Cluster, of which one primary is killed
#
# Installs what is missing with apt. Starts a private redis-server in a temporary folder, unless
# MESH_REDIS_HOST or REDIS_HOST names one to use (a few small keys stay behind there), or six of them
# for the cluster. Ends with an error if a step did not do what it says.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. .ci/packages.sh
on_cluster=
if [ "${1:-}" = --cluster ]; then
  on_cluster=yes
  shift
fi
[ $# -eq 0 ] || { echo "no such option: $1" >&2; exit 2; }
[ -z "${DRY_RUN:-}" ] || exit 0

# --- Build -----------------------------------------------------------------------------------

need_packages demo
echo "== Building in build/demo (the first time takes a minute or two)"
cmake -S . -B build/demo -DCMAKE_BUILD_TYPE=Release -DMESHSERVICE_BUILD_TESTS=OFF \
  -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=24 >/dev/null
cmake --build build/demo --parallel "$(nproc)" --target quickstart tracing mesh_node mesh_call leader
PATH=$PWD/build/demo/examples:$PATH

# --- Helpers ---------------------------------------------------------------------------------

. examples/processes.sh
. examples/cluster.sh
key=demo-$$  # a mesh of its own, also on a shared Redis
started=$EPOCHREALTIME
steps=0

# Nodes of the demonstration.
start() { start_node "$1" mesh_node "$key" --ttl-ms 1500 --leader-ttl-ms 3000; }
step() { steps=$((steps + 1)); printf '\n== %d. %s\n' "$steps" "$1"; }
explain() { printf '   %s\n' "$@"; }

quoted() {
  local argument
  for argument in "$@"; do
    if [[ $argument =~ ^[A-Za-z0-9_.-]+$ ]]; then printf ' %s' "$argument"; else printf " '%s'" "$argument"; fi
  done
}

# call STATUS TEXT ARGUMENTS...: runs mesh_call, which must exit with STATUS and print TEXT.
call() {
  local status=$1 text=$2 result=0 output
  shift 2
  printf '   $ mesh_call%s\n' "$(quoted "$@")"
  output=$(mesh_call "$@" 2>&1) || result=$?
  printf '   %s\n' "$output"
  ((result == 0)) || explain "exit status $result"
  [ "$result" -eq "$status" ] || fail "mesh_call exited with $result instead of $status"
  [[ $output == *"$text"* ]] || fail "the output does not hold '$text'"
}

finish() {
  awk -v steps="$steps" -v from="$started" -v to="$EPOCHREALTIME" \
    'BEGIN {printf "\nAll %d steps did what they should, in %.1f s.\n", steps, to - from}'
}

# --- The demonstration -----------------------------------------------------------------------

if [ -n "$on_cluster" ]; then
  forget_redis_variables
  show_cluster
  finish
  exit 0
fi

step "Redis"
if [ -n "${MESH_REDIS_HOST:-${REDIS_HOST:-}}" ]; then
  explain "using the one at ${MESH_REDIS_HOST:-$REDIS_HOST}"
  # An election by itself would look for MUTEX_REDIS_HOST and so on.
  for variable in $(compgen -A export MESH_REDIS_); do
    export "MUTEX_${variable#MESH_}=${!variable}"
  done
else
  start_redis
  explain "a private redis-server, on a unix socket"
fi

step "The program of the README: two nodes in one process"
quickstart | tee "$dir/quickstart.log" | sed 's/^/   /'
see quickstart "3 x apple: 7.5" >/dev/null

step "The trace of a call that leads to another one, by three nodes in one process"
tracing 2>"$dir/tracing_warnings.log" | tee "$dir/tracing.log" | sed 's/^/   /'
see tracing "server price for node" >/dev/null

step "Three processes join one mesh, and one of them is elected leader"
start A
explain "no trace of an earlier leader on this Redis, so the first one waits for one time to live:"
see A "this node leads now"
start B
start C
see A "joined: node ${id[C]}"
see C "joined: node ${id[A]}"

step "Calls to each of them, from a fourth process"
call 0 '"hello"' "$key" "${id[A]}" echo '"hello"'
call 0 '42' "$key" "${id[B]}" add '{"a": 40, "b": 2}'
call 0 '["any",{"JSON":true}]' "$key" "${id[C]}" echo '["any", {"JSON": true}]'

step "A handler that takes three times the caller's timeout"
call 0 '1500' "$key" "${id[B]}" slow '{"ms": 1500}' --timeout-ms 500
explain "it did not time out: while a handler runs, its node sends heartbeats to the caller"

step "Every failure has a class of its own, here an exit status of its own"
explain "the handler throws:"
call 5 'out of tea' "$key" "${id[A]}" fail '{"message": "out of tea"}'
explain "the node has no such handler:"
call 6 'missing' "$key" "${id[A]}" missing
explain "the request's data does not fit the handler's type:"
call 5 '/b' "$key" "${id[A]}" add '{"a": 1, "b": "two"}'
explain "nobody has this id, which is known at once:"
call 4 '' "$key" 999999 echo
explain "the node is there but frozen (kill -STOP):"
kill -STOP "${pid[C]}"
call 3 '' "$key" "${id[C]}" echo '"anyone?"' --timeout-ms 400
kill -CONT "${pid[C]}"

step "kill -9 of node ${id[C]}"
kill_at_once C
explain "it could not say goodbye; the leader notices that its heartbeats are missing:"
see A "removed node ${id[C]}"
see B "left: node ${id[C]}"
call 4 '' "$key" "${id[C]}" echo

step "The leader is stopped with SIGTERM, and the other node takes over at once"
stop A
see B "this node leads now"
see B "left: node ${id[A]}"
call 0 '"still here"' "$key" "${id[B]}" echo '"still here"'
stop B

step "Leader election by itself, without a mesh"
for name in first second; do
  background "$name" leader "$key" --ttl-ms 3000 --renewal-ms 1000 --retry-ms 250
  see "$name" "taking part"
  [ "$name" = second ] || see first "leading"
done
stop first
see second "leading"
stop second

finish
