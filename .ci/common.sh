# What the scripts share: .ci/run, tests/run and examples/quickstart read this file. It expects
# $root, the folder of the clone.

say() { printf '%s\n' "$*"; }
complain() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
die() {
    complain "$*"
    exit 1
}

# What the library needs; an | separates packages of which any will do.
library_packages=(gcc libc6-dev cmake ninja-build 'pkg-config|pkgconf'
    'libopenblas-dev|libopenblas-pthread-dev|libopenblas-openmp-dev|libopenblas-serial-dev'
    zlib1g-dev libcjson-dev libstb-dev)
# What the tests need beside that.
test_packages=(libcriterion-dev valgrind curl gnuplot-nox
    libopenblas0-pthread libopenblas0-openmp libopenblas0-serial)

is_installed() {
    local package
    for package in ${1//|/ }; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] &&
            return 0
    done
    return 1
}

# Installs those of the packages that are missing; touches nothing, and needs no network, when none
# is.
install_packages() {
    local package missing=() as_root=()
    if ! command -v dpkg-query >/dev/null; then
        say "Not a Debian system: nothing is installed. Wanted, by their names on Debian: $*"
        return 0
    fi
    for package in "$@"; do
        is_installed "$package" || missing+=("${package%%|*}")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    say "Installing with apt: ${missing[*]}"
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null ||
            die "not root, and there is no sudo. Ask for: apt-get install ${missing[*]}"
        as_root=(sudo env)
    else
        as_root=(env)
    fi
    local apt=("${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get -qq
        -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
    quietly "apt-get update" "${apt[@]}" update || say "(going on with the package lists there are)"
    quietly "apt-get install" "${apt[@]}" install -y --no-install-recommends "${missing[@]}" ||
        die "could not install ${missing[*]}"
}

# Runs a command, and shows what it said only if it fails: the end of it, at least.
quietly() {
    local what=$1 log status=0
    shift
    log=$(mktemp)
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if [ $status -ne 0 ]; then
        complain "$what failed (status $status):"
        tail -n 60 "$log" >&2
    fi
    rm -f "$log"
    return $status
}

# build FOLDER PRESET [CMAKE ARGUMENT...] [-- TARGET...]
build() {
    local folder=$1 preset=$2 arguments=() targets=()
    shift 2
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        arguments+=("$1")
        shift
    done
    [ $# -gt 0 ] && shift
    for target in "$@"; do
        targets+=(--target "$target")
    done
    (cd "$root" && quietly "cmake (configuring $folder)" \
        cmake --preset "$preset" -B "$folder" "${arguments[@]}") &&
        (cd "$root" && quietly "building $folder" \
            cmake --build "$folder" --parallel "$(nproc)" "${targets[@]}")
}

passed=0
failed=0

# Counts one check that is not a test program: `check WHAT COMMAND...`.
check() {
    local what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        say "ok: $what"
    else
        failed=$((failed + 1))
        say "FAILED: $what"
        return 1
    fi
}

# Runs all tests of a build folder, shows what failed and what was skipped, and adds to $passed and
# $failed: each test of a Criterion suite counts, and each program that is a test of its own.
run_tests() {
    local folder=$1 log counts
    log=$root/$folder/Testing/Temporary/LastTest.log
    rm -f "$log"
    ctest --test-dir "$root/$folder" --parallel "$(nproc)" --timeout 900 --output-on-failure \
        </dev/null || true
    if [ ! -e "$log" ]; then
        failed=$((failed + 1))
        complain "ctest did not run in $folder"
        return 1
    fi
    # In the log, each test is a block: "1/9 Testing: name", its output, "Test Passed." or another
    # verdict. A suite that failed although no test of it did (a leak, a crash) is one failure.
    counts=$(awk '
        /^[0-9]+\/[0-9]+ Testing: / { suite = 0; bad = 0; good = 0 }
        /Synthesis: Tested: / {
            suite = 1
            line = $0
            gsub(/\033\[[0-9;]*m/, "", line)
            match(line, /Passing: [0-9]+/); good = substr(line, RSTART + 9, RLENGTH - 9) + 0
            match(line, /Failing: [0-9]+/); bad = substr(line, RSTART + 9, RLENGTH - 9) + 0
            match(line, /Crashing: [0-9]+/); bad += substr(line, RSTART + 10, RLENGTH - 10)
        }
        /^Test Passed\.$/ { passed += suite ? good : 1; failed += bad }
        /^Test Failed\.$/ { passed += good; failed += bad > 0 ? bad : 1 }
        END { print passed + 0, failed + 0 }' "$log")
    passed=$((passed + ${counts% *}))
    failed=$((failed + ${counts#* }))
}

# The last line of every script that counts, whatever happens: if it ends before finish is called,
# that is one failure.
finish() {
    counted=yes
    say "$passed passed, $failed failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}
always_count() {
    counted=no
    trap '[ $counted = yes ] || { failed=$((failed + 1)); finish; exit 1; }' EXIT
}
