# Sourced by scripts that build once and run. quick_configure PRESET [CMAKE_OPTION...] has several
# files compiled at a time, and most debug symbols left out; with a sanitizer without the examples.
# Programs with g++'s sanitizers have millions of addresses to relocate each time one starts, unless
# they are where they were linked to be.
quick_configure() {
  local preset=$1 less_collecting='--param=ggc-min-heapsize=1000000'  # of garbage, by g++
  shift
  case $preset in
    dev) set -- "$@" "-DCMAKE_CXX_FLAGS_DEBUG=-O0 -g1 $less_collecting" ;;
    asan)
      set -- "$@" -DMESHSERVICE_BUILD_EXAMPLES=OFF -DCMAKE_EXE_LINKER_FLAGS=-no-pie \
        "-DCMAKE_CXX_FLAGS=$less_collecting -fno-pie"
      ;;
    tsan) set -- "$@" -DMESHSERVICE_BUILD_EXAMPLES=OFF ;;
    clang) set -- "$@" '-DCMAKE_CXX_FLAGS_DEBUG=-O0 -g1' ;;
  esac
  cmake --preset "$preset" -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=24 "$@"
}
