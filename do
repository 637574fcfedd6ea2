#!/bin/sh
# The one entry to Mitral's source tree. Plain POSIX sh: it must run on a bare Debian 12, before anything is installed.
#   ./do help
set -eu
cd "$(dirname "$0")"

BUILD_PACKAGES="clang-19 lld-19 cmake ninja-build pkg-config libboost1.81-dev libssl-dev libsqlite3-dev libargon2-dev
  libtomlplusplus-dev libcli11-dev libfmt-dev libkainjow-mustache-dev zlib1g-dev libexpat1-dev libpq-dev libzstd-dev
  libmimalloc-dev ca-certificates"
TEST_PACKAGES="libclang-rt-19-dev llvm-19 libgtest-dev libgmock-dev librapidcheck-dev python3 python3-authlib
  python3-jwcrypto python3-requests nodejs npm chromium openssl nginx-light sqlite3 procps iproute2
  postgresql-15"
CHECK_PACKAGES="clang-format-19 clang-tidy-19 python3"
BENCH_PACKAGES="nginx-light openssl python3 procps util-linux"

say() { printf '\033[1m==> %s\033[0m\n' "$*"; }
die() { printf 'do: %s\n' "$*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null 2>&1; then sudo "$@"
  else die "packages are missing and installing them needs root: run './do setup' as root, or install sudo"
  fi
}

# Installs what is missing, and says what that is.
need() {
  command -v dpkg-query >/dev/null 2>&1 || die "this script installs packages with apt; on another system install: $*"
  missing=
  for package in "$@"; do
    case "$package" in
      # A nodejs from elsewhere brings its own npm, and Debian's npm package would not fit it.
      npm) command -v npm >/dev/null 2>&1 && continue ;;
      nginx-light) command -v nginx >/dev/null 2>&1 && continue ;;
    esac
    status=$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null || true)
    case "$status" in ii*) ;; *) missing="$missing $package" ;; esac
  done
  [ -n "$missing" ] || return 0
  say "Installing from Debian:$missing"
  case "$missing" in *postgresql*) no_main_cluster ;; esac
  as_root apt-get update -q
  as_root env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 apt-get install -q -y --no-install-recommends $missing
}

# Debian's package would start a server of its own with the system; the tests start theirs in temporary folders.
no_main_cluster() {
  settings=/etc/postgresql-common/createcluster.conf
  [ ! -e "$settings" ] || return 0
  say "PostgreSQL is for the tests alone: '$settings' will say that no server starts with the system"
  as_root mkdir -p "${settings%/*}"
  printf "# Written by Mitral's ./do before PostgreSQL was installed.\ncreate_main_cluster = false\n" | as_root tee "$settings" >/dev/null
}

# fhirclient is taken without its dependencies: only its browser build is used, and they would be 700 packages.
FHIRCLIENT=2.6.3
FHIRCLIENT_SHA512=0a2ad98b173059e95b9085f1a7194d431e7e65d262ae5e85d6ce32e32bc0d57ee11c092bf67f7d6951da322d305fef7b9c04e3290eb95fa341e5ab3fc19a09ce

need_node_modules() {
  stamp=build/node_modules.stamp
  [ -f "$stamp" ] && [ "$stamp" -nt tests/package-lock.json ] && [ "$stamp" -nt do ] && [ -d tests/node_modules ] && return 0
  say "Installing the tests' npm packages (tests/package-lock.json) and fhirclient $FHIRCLIENT"
  mkdir -p build
  (cd tests && npm ci --no-audit --no-fund --ignore-scripts)
  (cd build && npm pack --silent "fhirclient@$FHIRCLIENT" >/dev/null)
  echo "$FHIRCLIENT_SHA512  build/fhirclient-$FHIRCLIENT.tgz" | sha512sum -c --quiet - ||
    die "the fhirclient package that npm delivered is not the one this tree was tested with"
  mkdir -p tests/node_modules/fhirclient
  tar -xzf "build/fhirclient-$FHIRCLIENT.tgz" -C tests/node_modules/fhirclient --strip-components=1
  : > "$stamp"
}

setup_build() { need $BUILD_PACKAGES; }
setup_test() { need $BUILD_PACKAGES $TEST_PACKAGES; need_node_modules; }

jobs() { nproc 2>/dev/null || echo 2; }

build() { # preset, target...
  preset=$1; shift
  say "Building ($preset)"
  cmake --preset "$preset" >"/tmp/mitral-configure.$$" 2>&1 || { cat "/tmp/mitral-configure.$$"; rm -f "/tmp/mitral-configure.$$"; die "configuring failed"; }
  rm -f "/tmp/mitral-configure.$$"
  NINJA_STATUS='[%f/%t %es] ' ninja -C "build/$preset" -j "$(jobs)" "$@"
}

cmd_setup() { setup_test; need $CHECK_PACKAGES; say "Everything is installed."; }

cmd_demo() {
  setup_build
  build release mitral
  exec build/release/mitral demo "$@"
}

cmd_build() { setup_build; build release mitral; say "build/release/mitral is ready: try 'build/release/mitral --help'"; }

cmd_test() {
  started=$(date +%s)
  setup_test
  build asan
  say "Testing"
  set +e
  ctest --test-dir build/asan -j "$(jobs)" --output-on-failure --timeout 600 "$@"
  result=$?
  set -e
  say "Took $(( ($(date +%s) - started) / 60 )) minutes"
  [ $result = 0 ] || die "some tests failed; run one alone with: ./do test -R NAME"
}

cmd_tsan() {
  setup_test
  build tsan
  ctest --test-dir build/tsan -L 'unit|contract|threat|conformance' --output-on-failure "$@"
}

cmd_soak() { # minutes of load without faults; then every fault, three times
  setup_test
  need iproute2 util-linux
  build release mitral
  clang++-19 -shared -fPIC -O1 -o build/libfault_shim.so tests/cluster/shim.cc -ldl
  for storage in sqlite postgres; do
    say "Soak: $storage"
    as_root /usr/bin/python3 tests/cluster/run.py build/release/mitral build/libfault_shim.so --storage $storage \
      --soak "${1:-30}" --rounds 3 --length 8 --report "build/soak-$storage.json" || die "the soak did not hold: build/soak-$storage.json"
  done
  say "Held. Verdicts: build/soak-sqlite.json, build/soak-postgres.json"
}

cmd_fuzz() { # target, seconds
  setup_test
  build fuzz
  target=${1:-json}; seconds=${2:-60}
  mkdir -p "build/fuzz-corpus/$target"
  "build/fuzz/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 "build/fuzz-corpus/$target" "fuzz/corpus/$target"
}

cmd_coverage() {
  setup_test
  build coverage
  rm -rf build/coverage/profiles && mkdir -p build/coverage/profiles
  LLVM_PROFILE_FILE="$PWD/build/coverage/profiles/%p.profraw" ctest --test-dir build/coverage -L 'unit|spec|contract|threat|conformance|property|golden' --output-on-failure
  llvm-profdata-19 merge -sparse build/coverage/profiles/*.profraw -o build/coverage/all.profdata
  set --
  for program in build/coverage/tests/test_*; do [ -x "$program" ] && [ -f "$program" ] && set -- "$@" -object "$program"; done
  llvm-cov-19 report "$@" -instr-profile=build/coverage/all.profdata -ignore-filename-regex='tests/|/usr/'
}

cmd_check() {
  need $BUILD_PACKAGES $CHECK_PACKAGES libgtest-dev libgmock-dev librapidcheck-dev
  say "Floors, file sizes, banned calls"
  python3 tools/check_house.py
  say "Documents"
  python3 tools/check_docs.py
  say "Format"
  find src tests fuzz bench -name '*.cc' -o -name '*.h' | xargs clang-format-19 --dry-run --Werror
  say "clang-tidy"
  cmake --preset dev >/dev/null
  # The precompiled header was written by the compiler for itself: tidy reads the sources without it.
  find src -name '*.cc' | xargs -P "$(jobs)" -n 4 clang-tidy-19 -p build/dev --quiet --extra-arg=-Wno-unknown-warning-option
  say "All clean"
}

cmd_format() { need $CHECK_PACKAGES; find src tests fuzz bench -name '*.cc' -o -name '*.h' | xargs clang-format-19 -i; }

cmd_bench() {
  setup_build
  need $BENCH_PACKAGES postgresql-15
  build release mitral mitral_load mitral_judge
  case " $* " in *" --profile "*) command -v perf >/dev/null 2>&1 || need linux-perf ;; esac
  exec python3 bench/run.py "$@"
}

cmd_overload() {
  setup_build
  need $BENCH_PACKAGES
  build release mitral mitral_load mitral_open_loop
  exec python3 bench/overload.py "$@"
}

cmd_growth() {
  setup_build
  need $BENCH_PACKAGES postgresql-15
  build release mitral mitral_load mitral_fill
  exec python3 bench/growth.py "$@"
}

cmd_help() {
  cat <<'TEXT'
Mitral's source tree. On a bare Debian 12 the first two commands are all that a newcomer needs.

  ./do demo [--tls]     build and start everything on loopback: sign in, consent, see lab results
  ./do test [ctest…]    build with sanitizers and run every test (-R NAME picks some)

  ./do setup            install what building, testing and checking need, from Debian and npm
  ./do build            build the release binary: build/release/mitral
  ./do bench            measure beside nginx and openssl on this machine
  ./do overload         ask for twice of what can be served, and for it slowly
  ./do growth           the cost of an operation with ten thousand and with ten million grants
  ./do check            floors, documents, format, clang-tidy
  ./do format           format the sources
  ./do soak [MINUTES]   load for long, then faults: killed nodes and databases, cut cables, full disks (as root)
  ./do tsan             unit, contract and threat tests under the thread sanitizer
  ./do fuzz T [SEC]     fuzz target T (see fuzz/) for SEC seconds
  ./do coverage         test coverage by file
TEXT
}

command=${1:-help}
[ $# -gt 0 ] && shift
case "$command" in
  setup|demo|build|test|bench|overload|growth|check|format|tsan|soak|fuzz|coverage|help) "cmd_$command" "$@" ;;
  -h|--help) cmd_help ;;
  *) cmd_help >&2; die "unknown command: $command" ;;
esac
