#!/bin/bash
# The autoencoder example: the loss falls, the picture is drawn, files, threads, command lines.
. "$(dirname "$0")/common.sh"
make_mnist 1000 200
make_cifar 500 100
program=$build_folder/examples/autoencoder
unset RV_DATA
# autoencoder OPTION...
autoencoder() {
    "$program" --data "$mnist" --picture "$work/picture.png" "$@" 2>"$work/err"
}
# size FILE: of a PNG, as "WIDTH HEIGHT CHANNELS", 0 for gray, 2 for colours.
size() {
    od -An -tu1 -j16 -N10 "$1" |
        awk '{ print 16777216*$1 + 65536*$2 + 256*$3 + $4, 16777216*$5 + 65536*$6 + 256*$7 + $8, $10 }'
}

say "training: a line an epoch, a smaller loss each time, and the last one again"
out=$(autoencoder --epochs 3 --batch 32 --save "$work/net") || fail "$(cat "$work/err")"
pattern='^epoch  [123]/3  train loss 0\.[0-9]{5}  test loss (0\.[0-9]{5})  [0-9]+\.[0-9]{2} s$'
losses=$(sed -nE "s#$pattern#\1#p" <<<"$out")
[ "$(wc -l <<<"$losses")" -eq 3 ] || fail "three epochs: $out"
expect "smaller losses" sort -rc <<<"$losses"
last=$(tail -n 1 <<<"$out")
[ "$last" = "test loss $(tail -n 1 <<<"$losses")" ] || fail "the last line: $out"
[ "$(size "$work/picture.png")" = "302 62 0" ] || fail "10 above 10: $(size "$work/picture.png")"
cp "$work/picture.png" "$work/first.png"

say "loaded in a new process: the same loss and picture; other pictures"
out=$(autoencoder --load "$work/net" --epochs 0) || fail "loading: $out"
[ "$out" = "$last" ] || fail "saved: $last; loaded: $out"
expect "the same picture" cmp "$work/first.png" "$work/picture.png"
out=$(autoencoder --load "$work/net" --epochs 0 --pictures 3) || fail "three pictures: $out"
[ "$(size "$work/picture.png")" = "92 62 0" ] || fail "3 above 3: $(size "$work/picture.png")"
out=$(autoencoder --load "$work/net" --epochs 0 --pictures 999) || fail "all pictures: $out"
[ "$(size "$work/picture.png")" = "6002 62 0" ] || fail "200: $(size "$work/picture.png")"
refused 1 '\[8,' "$program" --data "$mnist" --load "$work/net" --epochs 0 --code 8

say "photographs"
out=$("$program" --set cifar10 --data "$cifar" --epochs 1 --pictures 4 --picture \
    "$work/photographs.png" 2>"$work/err") || fail "cifar10: $(cat "$work/err")"
[ "$(size "$work/photographs.png")" = "138 70 2" ] || fail "$(size "$work/photographs.png")"
mkdir "$work/sets"
ln -s "$mnist" "$work/sets/mnist"
ln -s "$cifar" "$work/sets/cifar10"
for set in mnist cifar10; do
    RV_DATA=$work/sets "$program" --set $set --epochs 0 --picture "$work/p.png" >"$work/out" ||
        fail "RV_DATA: $(cat "$work/out")"
done

say "the same bytes from 1, 2 and 3 threads, other ones from another seed"
for threads in 1 2 3; do
    autoencoder --epochs 1 --threads $threads --save "$work/$threads" >/dev/null || fail "$threads"
    expect "$threads threads" cmp "$work/1" "$work/$threads"
done
autoencoder --epochs 1 --seed 7 --save "$work/other" >/dev/null || fail "another seed"
cmp -s "$work/1" "$work/other" && fail "another seed left the same parameters"

say "wrong command lines are errors that say what is wrong"
refused 64 '--set svhn: expected one of mnist, cifar10' "$program" --set svhn
refused 64 '--code 0: expected a whole number from 1' "$program" --code 0
refused 64 '--picture .*: its folder cannot be written' "$program" --picture "$work/nowhere/a.png"
refused 1 'nowhere' "$program" --data "$work/nowhere"
out=$("$program" --help) || fail "help: $out"
for option in set data code lr batch epochs seed threads pictures picture save load; do
    expect_text "help" "$out" "^ +--$option(=[A-Z]+)?( |$)"
done
say "ok"
