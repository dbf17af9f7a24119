# What the tests that are scripts share. ctest gives them $RV_SOURCE, the clone's folder, and
# $RV_BUILD, the build's. Each works in a fresh folder of its own, $work, which goes at the end.

set -u -o pipefail
source_folder=${RV_SOURCE:?ctest sets this}
build_folder=${RV_BUILD:?ctest sets this}
work=$(mktemp -d)
started=()
at_exit() {
    [ ${#started[@]} -eq 0 ] || kill "${started[@]}" 2>/dev/null
    rm -rf "$work"
}
trap at_exit EXIT

say() { printf '%s\n' "$*"; }
fail() {
    say "FAILED: $*"
    exit 1
}
# ctest shows these as skipped, not as passed.
skip() {
    say "skipped: $*"
    exit 77
}
# expect WHAT COMMAND...: the command succeeds.
expect() {
    local what=$1
    shift
    "$@" || fail "$what: $*"
}
# expect_text WHAT TEXT PATTERN: TEXT has a line that the extended regular expression matches.
expect_text() {
    grep -Eq -- "$3" <<<"$2" || fail "$1: no line like '$3' in:"$'\n'"$2"
}

# Sets $mnist: the real files if RV_DATA names them, else a small data set like them, of so many
# training and test images.
find_mnist() {
    if [ -n "${RV_DATA-}" ] && [ -d "$RV_DATA/mnist" ]; then
        mnist=$RV_DATA/mnist
    else
        say "(RV_DATA has no mnist: with made-up images)"
        make_mnist "$@"
    fi
}
# Sets $mnist: a small data set, always the same, of so many training and test images.
make_mnist() {
    mnist=$work/${3-fake}
    mkdir -p "$mnist"
    expect "made-up images" "$build_folder/tests/fake_mnist" "$mnist" "${1-2000}" "${2-500}"
}
# Sets $cifar: the same for CIFAR-10, with a PNG image of each class beside it.
make_cifar() {
    cifar=$work/${3-fake_cifar}
    mkdir -p "$cifar"
    expect "made-up images" "$build_folder/tests/fake_cifar" "$cifar" "${1-1000}" "${2-200}"
}
# refused STATUS MESSAGE COMMAND...: the command fails with that status, and says that.
refused() {
    local status=$1 message=$2 out got=0
    shift 2
    out=$("$@" 2>&1) || got=$?
    [ $got -eq "$status" ] || fail "$*: status $got, expected $status: $out"
    expect_text "$*" "$out" "$message"
}
