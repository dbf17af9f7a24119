#!/bin/bash
# No error and no byte left under valgrind: a script that frees what it made, and the mnist example.
. "$(dirname "$0")/common.sh"

command -v valgrind >/dev/null || skip "valgrind is not installed"
make_mnist 200 50

# memcheck WHAT COMMAND...
memcheck() {
    local what=$1 out
    shift
    say "$what"
    out=$(valgrind --leak-check=full --show-leak-kinds=all --errors-for-leak-kinds=all \
        --error-exitcode=9 "$@" 2>&1) || fail "$what:"$'\n'"$out"
    expect_text "$what: heap at exit" "$out" 'in use at exit: 0 bytes in 0 blocks'
    expect_text "$what: errors" "$out" 'ERROR SUMMARY: 0 errors'
}

memcheck "a training script" "$build_folder/tests/leaks" "$work/leaks.safetensors"
memcheck "the mnist example" "$build_folder/examples/mnist" --data "$mnist" --epochs 2 \
    --validation 50 --save "$work/mnist.safetensors"
say "ok"
