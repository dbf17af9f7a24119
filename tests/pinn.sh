#!/bin/bash
# The pinn example: every method lowers the error, runs are the same from the same seed, what it
# writes and draws, and what it says to a wrong command line.
. "$(dirname "$0")/common.sh"
program=$build_folder/examples/pinn
small=(--points 300 --layers 2 --width 10 --redraw 40 --every 20)

# run OPTION...: its output, in $out; $error is the number of its last line.
run() {
    out=$("$program" "${small[@]}" "$@" 2>&1) || fail "$*: status $?: $out"
    error=$(tail -n 1 <<<"$out" | sed -En 's/^relative L2 error ([0-9]\.[0-9]e[-+][0-9]+)$/\1/p')
    [ -n "$error" ] || fail "$*: the last line: $out"
}
# below A B: the number A is less than B.
below() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a + 0 < b + 0) }'; }
# without_time: the lines of a run, but for the seconds.
without_time() { sed -E 's/ +[0-9.]+ s$//' <<<"$1"; }
# loss_at METHOD STEP: what a line of $out says.
loss_at() { awk -v m="$1" -v s="$2" '$1 == m && $2 == s { print $6 }' <<<"$out"; }

say "Adam first, then the method: the loss falls, and the curvature's falls faster"
run --redraw 0 --adam 100 --iterations 200 --method ssbroyden --seed 1
one=$out
expect_text "adam" "$out" '^adam +100  evaluations +100  loss [0-9.e+-]+  error [0-9.e+-]+ +[0-9.]+ s$'
expect_text "ssbroyden" "$out" '^ssbroyden +300  evaluations +[0-9]+  loss '
below "$(loss_at ssbroyden 300)" "$(awk -v a="$(loss_at adam 100)" 'BEGIN { print a / 20 }')" ||
    fail "ssbroyden: $out"
run --redraw 0 --adam 300 --iterations 0 --seed 1
below "$(awk -v a="$(loss_at adam 300)" 'BEGIN { print a / 3 }')" \
    "$(awk '$1 == "ssbroyden" && $2 == 300 { print $6 }' <<<"$one")" &&
    fail "adam alone is as good: $out"

say "with its default size, the picture of the front comes out"
out=$("$program" --points 2000 --adam 150 --iterations 250 --seed 1) || fail "$out"
error=${out##* }
below "$error" 0.15 || fail "the error is $error: $out"

say "the same from the same seed, for any number of threads; other from another"
run --adam 30 --iterations 60 --seed 7 --threads 1
one=$(without_time "$out")
run --adam 30 --iterations 60 --seed 7 --threads 3
[ "$one" = "$(without_time "$out")" ] || fail "threads: $one"$'\n'"$out"
run --adam 30 --iterations 60 --seed 8
[ "$one" != "$(without_time "$out")" ] || fail "another seed: $out"

say "derivatives by backward are the same, to rounding"
run --adam 5 --iterations 5 --every 5 --seed 7
one=$out
run --adam 5 --iterations 5 --every 5 --seed 7 --derivatives gradients
[ "$(without_time "$one")" = "$(without_time "$out")" ] || fail "gradients: $one"$'\n'"$out"

say "every method lowers the loss"
names=$("$program" --method nothing 2>&1 | sed -n 's/.*expected one of //p' | tr -d ,)
[ "$(wc -w <<<"$names")" -ge 6 ] || fail "which there are: $names"
for name in $names; do
    run --adam 20 --iterations 20 --redraw 0 --method "$name" --seed 2
    last=$(loss_at "$name" 40)
    [ -n "$last" ] || last=$(awk -v m="$name" '$1 == m && $3 == "evaluations" { l = $6 } END { print l }' <<<"$out")
    below "$last" "$(loss_at adam 20)" || fail "$name: $out"
done

say "a network is saved, and goes on"
run --adam 50 --iterations 0 --save "$work/net.safetensors" --seed 3
one=$error
run --adam 0 --iterations 0 --load "$work/net.safetensors"
[ "$one" = "$error" ] || fail "saved: $one, loaded: $error"

say "rows and pictures"
run --adam 40 --iterations 40 --csv "$work/a.csv" --method lbfgs --history 5 --seed 3
[ "$(head -n 1 "$work/a.csv")" = method,seed,step,evaluations,loss,error,seconds ] ||
    fail "$(cat "$work/a.csv")"
[ "$(grep -Ec '^lbfgs,3,(20|40|60|80),[0-9]+,[0-9.e+-]+,[0-9.e+-]+,[0-9.]+$' "$work/a.csv")" -eq 4 ] ||
    fail "$(cat "$work/a.csv")"
run --adam 20 --iterations 20 --csv "$work/b.csv" --method bfgs --compare "$work/a.csv" \
    --plot "$work/data.gp"
expect "a curve each" grep -q '^# bfgs: evaluations, relative error$' "$work/data.gp"
expect "a curve each" grep -q '^# lbfgs: evaluations, relative error$' "$work/data.gp"
[ "$(awk '/^\$grid/ { inside = 1 } /^end/ { inside = 0 } inside && NF == 4 { n++ } END { print n }' \
    "$work/data.gp")" -eq 12800 ] || fail "the grid has other points"
if command -v gnuplot >/dev/null; then
    for file in a.svg b.png; do
        run --adam 0 --iterations 0 --compare "$work/a.csv,$work/b.csv" --plot "$work/$file"
        [ -s "$work/$file" ] || fail "$file is not there: $out"
    done
    tail -n 3 "$work/a.svg" | grep -q '^</svg>' || fail "a.svg is cut"
    grep -q '>lbfgs<' "$work/a.svg" || fail "a.svg has no lbfgs"
    run --adam 0 --iterations 0 --plot "$work/alone.svg"
    grep -q 'relative L2' "$work/alone.svg" && fail "without runs there is nothing to compare"
else
    say "(gnuplot is not there: not tried)"
fi

say "how long an evaluation takes"
out=$("$program" "${small[@]}" --time) || fail "$out"
expect_text "time" "$out" '^loss and gradient: median [0-9.]+ ms, best [0-9.]+, [0-9]+ threads$'

say "--help explains every option"
out=$("$program" --help) || fail "$out"
for option in method adam lr iterations points redraw layers width history derivatives seed threads \
    every csv plot compare save load time; do
    expect_text "help" "$out" "^ +--$option(=[A-Z]+)?( |$)"
done

say "wrong command lines, and wrong files, are errors that say what is wrong"
short=(--points 10 --adam 0 --iterations 0)
refused 64 '--method newton-raphson: expected one of lbfgs, bfgs, ' "$program" --method newton-raphson
refused 64 '--points 0: expected a whole number from 1' "$program" --points 0
refused 64 '--width 0: expected a whole number from 1' "$program" --width 0
refused 64 '--layers 99: expected a whole number from 1 to 16' "$program" --layers 99
refused 64 '--lr 0: expected a number above 0' "$program" --lr 0
refused 64 '--every 0: expected a whole number from 1' "$program" --every 0
refused 64 '--derivatives both: expected one of jets, gradients' "$program" --derivatives both
refused 64 '--plot a.jpg: expected a name that ends in' "$program" --plot a.jpg
refused 64 '--compare a.csv: expected --plot beside it' "$program" --compare a.csv
refused 64 'cannot be written' "$program" --csv "$work/nowhere/a.csv"
refused 64 'unrecognized option' "$program" --epochs 3
refused 1 'nowhere' "$program" "${short[@]}" --load "$work/nowhere"
refused 1 'nowhere.csv: No such file' "$program" "${short[@]}" --plot "$work/x.gp" --compare "$work/nowhere.csv"
refused 1 'it was not written by pinn --csv' "$program" "${short[@]}" --plot "$work/x.gp" --compare "$0"
refused 1 'expected up to 12 names' "$program" "${short[@]}" --plot "$work/x.gp" --compare "$work/a.csv,,"
printf 'method,seed,step,evaluations,loss,error,seconds\nlbfgs,1,2,x\n' >"$work/bad.csv"
refused 1 'a row of it is not of the form' "$program" "${short[@]}" --plot "$work/x.gp" --compare "$work/bad.csv"
printf 'method,seed,step,evaluations,loss,error,seconds\n' >"$work/empty.csv"
refused 1 'there is no row in it' "$program" "${short[@]}" --plot "$work/x.gp" --compare "$work/empty.csv"
if [ -e /dev/full ] && ln -s /dev/full "$work/full.csv"; then
    refused 1 'could not be written' "$program" "${small[@]}" --adam 20 --iterations 0 --csv "$work/full.csv"
fi
say "ok"
