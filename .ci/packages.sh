# Sourced by the scripts of this project. need_packages GROUP... makes sure that the tools and
# libraries of the groups are there: demo, tests, checks, bench, and what that compares with, nats
# and grpc. With apt it installs what is missing and asks nothing; elsewhere it prints the names of
# what is missing and fails.

# One line for each requirement: groups, how to check for it, Debian's and Ubuntu's package.
# A check is command:NAME, header:NAME with the compiler that will be used, or runtime:NAME for a
# runtime library of clang.
requirements() {
  cat <<EOF
demo,tests,checks command:g++                 g++
demo,tests,checks command:cmake               cmake
demo,tests,checks command:make                make
demo,tests,checks header:boost/asio.hpp       @boost
demo,tests,checks header:hiredis/async.h      libhiredis-dev
demo,tests,checks header:nlohmann/json.hpp    nlohmann-json3-dev
demo,tests,checks header:openssl/ssl.h        libssl-dev
demo,tests,checks header:CLI/CLI.hpp          libcli11-dev
demo,tests        command:redis-server        redis-server
tests,bench       header:gtest/gtest.h        libgtest-dev
tests             header:spdlog/version.h     libspdlog-dev
tests             header:prometheus/collectable.h prometheus-cpp-dev
tests             command:redis-sentinel      redis-sentinel
tests             command:openssl             openssl
tests,bench       command:node                nodejs
tests,bench       command:npm                 npm
tests             command:ip                  iproute2
tests,checks      command:clang++             clang
checks            runtime:fuzzer              libclang-rt-dev
checks            command:clang-format        clang-format
checks            command:clang-tidy          clang-tidy
checks            command:ccache              ccache
bench,checks      header:benchmark/benchmark.h libbenchmark-dev
nats              command:nats-server         nats-server
nats              header:nats/nats.h          libnats-dev
grpc              header:grpcpp/grpcpp.h      libgrpc++-dev
tests,grpc        header:google/protobuf/message.h libprotobuf-dev
tests,grpc        command:protoc              protobuf-compiler
grpc              command:grpc_cpp_plugin     protobuf-compiler-grpc
EOF
}

has_header() {
  if [ "$1" = boost/asio.hpp ]; then
    boost_is_new_enough
  else
    echo "#include <$1>" | "${CXX:-g++}" -std=c++20 -E -x c++ - >/dev/null 2>&1
  fi
}

has_runtime() {
  command -v clang++ >/dev/null &&
    compgen -G "$(clang++ -print-runtime-dir)/libclang_rt.$1*" >/dev/null
}

boost_is_new_enough() {
  printf '#include <boost/version.hpp>\n#if BOOST_VERSION < 108100\n#error too old\n#endif\n' |
    "${CXX:-g++}" -E -x c++ - >/dev/null 2>&1
}

# The packages of the groups that are missing.
missing_packages() {
  local groups check package name
  requirements | while read -r groups check package; do
    name=${check#*:}
    for group in "$@"; do
      case ",$groups," in *",$group,"*) ;; *) continue ;; esac
      case $check in
        command:*) command -v "$name" >/dev/null && continue ;;
        header:*) has_header "$name" && continue ;;
        runtime:*) has_runtime "$name" && continue ;;
      esac
      echo "$package"
      break
    done
  done
}

# Debian 12 has Boost 1.81 beside its older default; later systems have a newer default.
boost_package() {
  local version
  version=$(apt-cache show --no-all-versions libboost-dev 2>/dev/null | awk '/^Version:/ {print $2}')
  if [ -n "$version" ] && dpkg --compare-versions "$version" ge 1.81; then
    echo libboost-dev
  elif apt-cache show libboost1.81-dev >/dev/null 2>&1; then
    echo libboost1.81-dev
  else
    echo "This system's newest Boost is ${version:-none}; 1.81 is needed (Debian 12, Ubuntu 24.04" \
      "or later have it)." >&2
    return 1
  fi
}

apt_install() {
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "Not root, and there is no sudo. As root, run: apt-get install" \
        "${*/@boost/$(boost_package)}" >&2
      return 1
    fi
    sudo=(sudo)
  fi
  echo "== apt-get update"
  "${sudo[@]}" apt-get update -qq </dev/null

  local packages=() package
  for package in "$@"; do
    [ "$package" != @boost ] || package=$(boost_package) || return 1
    packages+=("$package")
  done
  echo "== apt-get install ${packages[*]}"
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    "${packages[@]}" </dev/null
}

# Fails with the reason if version $2 of $1 is older than $3.
require_version() {
  if [ "$(printf '%s\n%s\n' "$2" "$3" | sort -V | head -n 1)" != "$3" ]; then
    echo "$1 is version $2; at least $3 is needed (Debian 12, Ubuntu 24.04 or later have it)." >&2
    return 1
  fi
}

need_packages() {
  local missing
  missing=$(missing_packages "$@")
  if [ -n "$missing" ]; then
    # shellcheck disable=SC2086
    set -- $missing
    if command -v apt-get >/dev/null; then
      apt_install "$@" || return 1
    else
      echo "Please install what Debian calls: ${*/@boost/libboost-dev (1.81 or later)}" >&2
      return 1
    fi
  fi
  if [ -z "${CXX:-}" ]; then require_version g++ "$(g++ -dumpfullversion)" 12 || return 1; fi
  require_version cmake "$(cmake --version | awk 'NR == 1 {print $3}')" 3.25 || return 1
  boost_is_new_enough || { echo "Boost 1.81 or later is needed." >&2; return 1; }
}
