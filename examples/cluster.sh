# Sourced by run.sh: a Redis Cluster of its own, and what a mesh does there.

# free_ports COUNT: so many that nobody listens on, and whose cluster ports are valid.
free_ports() {
  local count=$1 port
  for port in $(shuf -i 20000-32000 -n 200); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue
    echo "$port"
    ((--count > 0)) || return 0
  done
  fail "there are no free ports"
}

# Six servers: three primaries, each with a replica. The ports are in `ports`.
start_cluster() {
  local port
  mapfile -t ports < <(free_ports 6)
  for port in "${ports[@]}"; do
    mkdir "$dir/$port"
    background "redis-$port" redis-server --port "$port" --bind 127.0.0.1 --save '' \
      --dir "$dir/$port" --cluster-enabled yes --cluster-node-timeout 2000
  done
  for port in "${ports[@]}"; do see "redis-$port" "ready to accept connections" >/dev/null; done
  redis-cli --cluster create "${ports[@]/#/127.0.0.1:}" --cluster-replicas 1 --cluster-yes \
    >"$dir/create.log" 2>&1 || fail "the cluster could not be made"
  for port in "${ports[@]}"; do await_member "$port"; done
}

# await_member PORT: until it finds the cluster well, and a replica has its primary's data.
await_member() {
  local deadline=$((SECONDS + patience))
  until redis-cli -p "$1" CLUSTER INFO | grep -q 'cluster_state:ok' &&
    redis-cli -p "$1" INFO replication | grep -q 'connected_slaves:1\|master_link_status:up'; do
    ((SECONDS < deadline)) || fail "the server at port $1 did not join the cluster"
    sleep 0.1
  done
}

# primary_of PORT NAME: the port of the primary of the name's slot, as the server at PORT sees it.
primary_of() {
  local slot
  slot=$(redis-cli -p "$1" CLUSTER KEYSLOT "$2")
  redis-cli -p "$1" CLUSTER NODES | awk -v slot="$slot" '
    $3 ~ /master/ && $3 !~ /fail/ {
      for (i = 9; i <= NF; i++) {
        split($i, range, "-")
        last = range[2] == "" ? range[1] : range[2]
        if (range[1] <= slot + 0 && slot + 0 <= last + 0) {
          split($2, address, /[:@]/)
          print address[2]
        }
      }
    }'
}

show_cluster() {
  local primary other place

  step "A Redis Cluster of six servers: three primaries, each with a replica"
  start_cluster
  explain "at the ports ${ports[*]}"
  export MESH_REDIS_CLUSTER="127.0.0.1:${ports[0]},127.0.0.1:${ports[5]}" REDIS_PREFIX=demo
  explain "the nodes are told two of them: MESH_REDIS_CLUSTER=$MESH_REDIS_CLUSTER"

  step "Three processes join one mesh there, and one of them is elected leader"
  start A
  see A "this node leads now"
  start B
  start C
  see A "joined: node ${id[C]}"
  for name in A B C; do
    explain "the channel of node ${id[$name]} is at port $(primary_of "${ports[0]}" "demo:mesh:$key:node:${id[$name]}")"
  done
  call 0 '42' "$key" "${id[B]}" add '{"a": 40, "b": 2}'

  step "kill -9 of the primary that has the channel of node ${id[B]}"
  primary=$(primary_of "${ports[0]}" "demo:mesh:$key:node:${id[B]}")
  kill_at_once "redis-$primary"
  for port in "${ports[@]}"; do [ "$port" = "$primary" ] || other=$port; done
  call 0 '"hello"' "$key" "${id[B]}" echo '"hello"' --timeout-ms 20000
  explain "the call waited until the replica, at port $(primary_of "$other" "demo:mesh:$key:node:${id[B]}"), had taken its place"
  for name in A B C; do
    call 0 "\"still here, $name\"" "$key" "${id[$name]}" echo "\"still here, $name\"" \
      --timeout-ms 20000
  done

  for name in C B A; do stop "$name"; done
}
