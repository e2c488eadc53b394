#!/usr/bin/env bash
# Runs the tests that use Redis on its successors and relatives, as Debian's suites have them. They
# are fetched with apt into build/servers, with the libraries they need; nothing is installed.
#
#   bash tests/servers.sh [--only redis8|valkey8|valkey9]... [ctest argument...]
#
# For example one group of tests on one of them:
#   bash tests/servers.sh --only valkey8 -R Acl
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. .ci/packages.sh
. tests/quick_build.sh

# For each: Debian's suite, the packages, and what its programs are called.
declare -A suites=([redis8]=trixie [valkey8]=trixie [valkey9]=sid)
declare -A packages=(
  [redis8]='redis-server redis-sentinel'
  [valkey8]='valkey-server valkey-sentinel'
  [valkey9]='valkey-server valkey-sentinel'
)
declare -A families=([redis8]=redis [valkey8]=valkey [valkey9]=valkey)

servers=()
while [ "${1:-}" = --only ]; do
  servers+=("${2:?--only needs a name}")
  [ -n "${suites[$2]:-}" ] || { echo "no such server: $2" >&2; exit 2; }
  shift 2
done
[ ${#servers[@]} -gt 0 ] || servers=(redis8 valkey8 valkey9)
[ $# -gt 0 ] || set -- -L 'integration|cluster|interop'

if [ -n "${DRY_RUN:-}" ]; then exec ctest --test-dir "$DRY_RUN" -N "$@"; fi

# Into folder $1, from suite $2; with all they need, down to the C library.
fetch() {
  local folder=$1 suite=$2 apt=$1/apt uri keys=/usr/share/keyrings/debian-archive-keyring.gpg
  shift 2
  # Where this system has its packages from. All of it is read, so that no pipe breaks.
  uri=$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' |
    awk '$1 == "Debian" && !found {found = $2} END {print found}')
  [ -n "$uri" ] || { echo "apt knows no source of Debian's; try apt-get update" >&2; return 1; }
  mkdir -p "$apt"/etc/{apt.conf.d,preferences.d} "$apt"/{state/lists,cache/archives}/partial
  : >"$apt/state/status"
  echo "deb [signed-by=$keys] $uri $suite main" >"$apt/etc/sources.list"
  local options=(-qq -o "Dir::Etc=$apt/etc" -o "Dir::State=$apt/state"
    -o "Dir::State::status=$apt/state/status" -o "Dir::Cache=$apt/cache")
  apt-get "${options[@]}" update </dev/null
  apt-get "${options[@]}" --yes --no-install-recommends --download-only install "$@" </dev/null
  for package in "$apt"/cache/archives/*.deb; do dpkg-deb -x "$package" "$folder"; done
  rm -rf "$apt"
}

# The programs of the server in folder $1, of family $2, under the names of those of Redis.
name_programs() {
  local folder=$1 family=$2 name
  mkdir -p "$folder/bin"
  for name in server sentinel cli; do
    cat >"$folder/bin/redis-$name" <<EOF
#!/bin/sh
exec $folder/usr/lib64/ld-linux-x86-64.so.2 --argv0 $family-$name \\
  --library-path $folder/usr/lib/x86_64-linux-gnu $folder/usr/bin/$family-$name "\$@"
EOF
    chmod +x "$folder/bin/redis-$name"
  done
}

need_packages tests
if ! command -v apt-get >/dev/null || [ "$(uname -m)" != x86_64 ]; then
  echo "This needs a Debian system on x86-64." >&2
  exit 2
fi
quick_configure dev
cmake --build --preset dev --parallel "$(nproc)"

results=()
status=0
for server in "${servers[@]}"; do
  folder=$PWD/build/servers/$server
  if [ ! -x "$folder/bin/redis-cli" ]; then
    # shellcheck disable=SC2086
    fetch "$folder" "${suites[$server]}" ${packages[$server]}
    name_programs "$folder" "${families[$server]}"
  fi
  version=$("$folder/bin/redis-server" --version | sed -E 's/.* v=([^ ]*).*/\1/')
  printf '\n== %s, version %s\n' "$server" "$version"
  SECONDS=0
  result=passed
  PATH=$folder/bin:$PATH ctest --preset dev --parallel "$((4 * $(nproc)))" --no-tests=error "$@" ||
    { result=FAILED; status=1; }
  results+=("$server, version $version: $result after $SECONDS s")
done
printf '\n'
printf '%s\n' "${results[@]}"
exit $status
