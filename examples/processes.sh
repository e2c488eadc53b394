# Sourced by scripts that show or test programs which run in the background.

export LC_ALL=C
dir=$(mktemp -d)
patience=30        # seconds that `see` waits
declare -A pid=()  # of each process that runs in the background, by the name it was given
declare -A id=()   # of each node

clean_up() {
  for process in "${pid[@]}"; do kill -KILL "$process" || true; done
  wait
  rm -rf "$dir"
} 2>/dev/null
trap clean_up EXIT
trap 'exit 130' INT TERM

fail() {
  printf '\nFAILED: %s\n' "$1"
  tail -n 20 "$dir"/*.log
  exit 1
}

# background NAME COMMAND...: runs it with its output in NAME.log.
background() {
  local name=$1
  shift
  "$@" >"$dir/$name.log" 2>&1 &
  pid[$name]=$!
}

# see NAME TEXT [COUNT]: waits until so many lines of the output of NAME hold TEXT, one if it is not
# said, and shows the last of them.
see() {
  local count=${3:-1} lines deadline=$((SECONDS + patience))
  until lines=$(grep -m "$count" -i -w -F -- "$2" "$dir/$1.log") &&
    [ "$(wc -l <<<"$lines")" -eq "$count" ]; do
    ((SECONDS < deadline)) || fail "$1 never said '$2'"
    sleep 0.05
  done
  printf '   %-9s| %s\n' "$1" "$(tail -n 1 <<<"$lines")"
}

# start_node NAME PROGRAM KEY OPTION...: with times much shorter than the defaults, so that nothing
# takes long to see.
start_node() {
  local name=$1
  shift
  background "$name" "$@" --heartbeat-ms 250 --leader-renewal-ms 1000 --leader-retry-ms 250
  see "$name" "instance"
  id[$name]=$(awk '/^instance/ {print $2}' "$dir/$name.log")
}

# stop NAME: asks it to stop and checks that it did so in good order.
stop() {
  kill -TERM "${pid[$1]}"
  wait "${pid[$1]}" || fail "$1 exited with $?"
  unset "pid[$1]"
  see "$1" "stopped in good order"
}

kill_at_once() {
  kill -KILL "${pid[$1]}"
  wait "${pid[$1]}" 2>/dev/null || true
  unset "pid[$1]"
}

forget_redis_variables() {
  local variable
  for variable in $(compgen -e); do
    if [[ $variable =~ ^(MESH_|MUTEX_)?REDIS_ ]]; then unset "$variable"; fi
  done
}

# A redis-server of its own, which programs find.
start_redis() {
  forget_redis_variables
  background redis redis-server --port 0 --unixsocket "$dir/redis.sock" --save '' --dir "$dir"
  see redis "ready to accept connections" >/dev/null
  export REDIS_URL=unix://$dir/redis.sock
}
