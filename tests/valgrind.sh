#!/bin/bash
# No error and no byte left under valgrind: a script that frees what it made, and examples.
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
make_cifar 50 20
examples=$build_folder/examples
memcheck "the linear example" "$examples/linear" --data "$cifar" --epochs 1 --validation 10 \
    --batch 20 --templates "$work/templates.png"
memcheck "the cifar10 example" "$examples/cifar10" --data "$cifar" --epochs 1 --validation 10 \
    --batch 20 --model lenet5 --augment crop,flip,cutout --save "$work/cifar10.safetensors"
memcheck "the classify example" "$examples/classify" "$work/cifar10.safetensors" "$cifar/cat.png"
say "ok"
