#!/bin/bash
# Same seed, same numbers: two runs at 1, 2 and 3 threads leave the same bytes, whichever OpenBLAS.
. "$(dirname "$0")/common.sh"
find_mnist
program=$build_folder/examples/mnist

# same_bytes NAME OPTION...: six runs, all alike.
same_bytes() {
    local name=$1 threads run
    shift
    for threads in 1 2 3; do
        for run in 1 2; do
            expect "$name, $threads threads" "$program" --data "$mnist" --epochs 1 --seed 7 \
                --validation 200 --threads $threads --save "$work/$name-$threads-$run" "$@" \
                >"$work/$name-$threads-$run.out"
            expect "$name, $threads threads, run $run" \
                cmp "$work/$name-1-1" "$work/$name-$threads-$run"
        done
    done
    # A test that cannot fail is a defect: another seed must leave other bytes.
    expect "another seed" "$program" --data "$mnist" --epochs 1 --seed 8 --validation 200 \
        --save "$work/$name-other" "$@" >/dev/null
    cmp -s "$work/$name-1-1" "$work/$name-other" && fail "another seed left the same parameters"
    say "$name: the same bytes from 1, 2 and 3 threads"
}

if [[ $(ldd "$program") != *libopenblas* ]]; then
    same_bytes "without BLAS"
    exit 0
fi
tried=0
for kind in pthread openmp serial; do
    for folder in /usr/lib/*/openblas-$kind; do
        [ -e "$folder/libopenblas.so.0" ] || continue
        export LD_LIBRARY_PATH=$folder
        [[ $(ldd "$program") == *"=> $folder/libopenblas.so.0"* ]] ||
            fail "$folder is not the OpenBLAS that runs"
        same_bytes "$kind-sgd"
        same_bytes "$kind-adam" --optim adam
        tried=$((tried + 1))
        unset LD_LIBRARY_PATH
    done
done
[ $tried -gt 0 ] || same_bytes default
[ $tried -eq 3 ] || say "note: only $tried of Debian's three OpenBLAS builds are installed"
say "ok"
