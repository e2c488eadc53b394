#!/usr/bin/env bash
# Builds the consumer program in a fresh folder and runs it against a private redis-server.
#
#   run.sh package BUILD_DIR COMPILER [CMAKE_ARGUMENT...]     against an installed library
#   run.sh subproject SOURCE_DIR COMPILER [CMAKE_ARGUMENT...] with add_subdirectory
set -euo pipefail

mode=$1 from=$2 compiler=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
redis_pid=
cleanup() {
  if [[ -n $redis_pid ]]; then
    kill "$redis_pid" && wait "$redis_pid" || true
  fi
  rm -rf "$work"
}
trap cleanup EXIT

case $mode in
  package)
    cmake --install "$from" --prefix "$work/first"
    # What the build knew must not leak into the package, so it works after a move as well.
    mv "$work/first" "$work/prefix"
    source_dir=$(cd "$here/../.." && pwd)
    if grep -rIlF -e "$source_dir" -e "$from" -e "$work" -e /usr/lib -e /usr/include \
        "$work/prefix" --include='*.cmake'; then
      echo "these files of the package contain absolute paths" >&2
      exit 1
    fi
    project=$here/consumer
    set -- "$@" "-DCMAKE_PREFIX_PATH=$work/prefix"
    if cmake -S "$project" -B "$work/refused" "-DCMAKE_CXX_COMPILER=$compiler" "$@" \
        -DBoost_NO_BOOST_CMAKE=ON "-DBoost_INCLUDE_DIR=$here/../compile/other_boost" \
        >"$work/refusal" 2>&1 || ! tr -s '\n ' ' ' <"$work/refusal" |
        grep -F 'but Boost 1.99 was found'; then
      echo "another Boost should be refused:" >&2
      cat "$work/refusal" >&2
      exit 1
    fi
    ;;
  subproject)
    project=$here/subproject
    set -- "$@" "-DMESHSERVICE_SOURCE_DIR=$from"
    ;;
  *)
    echo "unknown mode $mode" >&2
    exit 2
    ;;
esac

export CCACHE_NOHASHDIR=1  # the folder's name is new every time
cmake -S "$project" -B "$work/build" "-DCMAKE_CXX_COMPILER=$compiler" "$@"
cmake --build "$work/build" --parallel 2

redis-server --port 0 --unixsocket "$work/redis.sock" --dir "$work" --save '' --daemonize no \
  >"$work/redis.log" &
redis_pid=$!
for _ in $(seq 300); do
  if redis-cli -s "$work/redis.sock" ping >/dev/null 2>&1; then break; fi
  sleep 0.1
done

# It must find the library after the move as well.
if [ "$mode" = package ] && grep -q '/bin/meshctl$' "$from/install_manifest.txt"; then
  for file in bin/meshctl share/man/man1/meshctl.1; do
    [ -e "$work/prefix/$file" ] || { echo "$file is not installed" >&2; exit 1; }
  done
  MESH_REDIS_URL="unix://$work/redis.sock" timeout 60 "$work/prefix/bin/meshctl" doctor
fi

for program in consumer consumer_with_other_json consumer_with_spdlog consumer_with_prometheus; do
  if [ -e "$work/build/$program" ]; then
    MESH_REDIS_URL="unix://$work/redis.sock" timeout 60 "$work/build/$program"
  fi
done
