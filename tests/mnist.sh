#!/bin/bash
# The mnist example: what it prints, what it saves, what it says to a wrong command line.
. "$(dirname "$0")/common.sh"
make_mnist
program=$build_folder/examples/mnist
unset RV_DATA

say "training: a line an epoch, the test accuracy last, plain text when stderr is no terminal"
out=$("$program" --data "$mnist" --epochs 3 --validation 300 --save "$work/net" 2>"$work/err") ||
    fail "training: $(cat "$work/err")"
pattern='^epoch  [123]/3  train loss [0-9]+\.[0-9]{4}  validation accuracy [01]\.[0-9]{4}  [0-9]+\.[0-9]{2} s$'
[ "$(grep -Ec "$pattern" <<<"$out")" -eq 3 ] || fail "three epochs: $out"
[ "$(wc -l <<<"$out")" -eq 4 ] || fail "four lines: $out"
last=$(tail -n 1 <<<"$out")
expect_text "the last line" "$last" '^test accuracy [01]\.[0-9]{4}$'
awk -v a="${last##* }" 'BEGIN { exit !(a > 0.9) }' || fail "it did not learn: $last"
grep -q $'[\r\033]' "$work/err" && fail "control characters in a log: $(cat -v "$work/err")"
expect "PyTorch's names" grep -aq '"1.weight"' "$work/net"

say "loaded in a new process: the same test accuracy"
out=$("$program" --data "$mnist" --load "$work/net" --epochs 0) || fail "loading: $out"
[ "$out" = "$last" ] || fail "saved: $last; loaded: $out"
out=$(cd "$work" && mkdir data && ln -s "$mnist" data/mnist &&
    "$program" --load "$work/net" --epochs 0) || fail "data/mnist: $out"
[ "$out" = "$last" ] || fail "data/mnist: $out"
out=$(mkdir "$work/data_sets" && ln -s "$mnist" "$work/data_sets/mnist" &&
    RV_DATA=$work/data_sets "$program" --load "$work/net" --epochs 0) || fail "RV_DATA: $out"
[ "$out" = "$last" ] || fail "RV_DATA: $out"
out=$("$program" --data "$mnist" --load "$work/net" --hidden 7 --epochs 0 2>&1) &&
    fail "loaded into another network: $out"
expect_text "another network" "$out" '^.*\[100,784\].*\[7,784\]|\[7,784\].*\[100,784\]'

say "adam, nesterov, weight decay, no dropout, other sizes"
for options in '--optim adam --lr 0.003' '--nesterov --lr 0.05' '--weight-decay 0.001 --dropout 0' \
    '--batch 77 --hidden 31 --threads 2'; do
    # shellcheck disable=SC2086
    out=$("$program" --data "$mnist" --epochs 2 --validation 300 $options) || fail "$options: $out"
    awk -v a="${out##* }" 'BEGIN { exit !(a > 0.8) }' || fail "$options: it did not learn: $out"
done

say "lenet5, with defaults of its own that the command line goes over"
out=$("$program" --data "$mnist" --model lenet5 --validation 300 --save "$work/lenet5") || fail "$out"
[ "$(grep -Ec '^epoch  [1-5]/5 .*  learning rate now ' <<<"$out")" -eq 5 ] || fail "five epochs: $out"
last=$(tail -n 1 <<<"$out")
awk -v a="${last##* }" 'BEGIN { exit !(a > 0.95) }' || fail "it did not learn: $last"
expect "PyTorch's names" grep -aq '"conv2.weight"' "$work/lenet5"
out=$("$program" --data "$mnist" --model lenet5 --load "$work/lenet5" --epochs 0) || fail "$out"
[ "$out" = "$last" ] || fail "saved: $last; loaded: $out"
out=$("$program" --data "$mnist" --epochs 1 --optim sgd --schedule constant --model lenet5 \
    --validation 300) || fail "$out"
expect_text "one epoch at a constant rate" "$out" '^epoch  1/1 .* [0-9.]+ s$'

say "every optimizer, with the learning rate that it brings, and every schedule learns"
for option in optim schedule; do
    names=$("$program" --$option nothing 2>&1 | sed -n 's/.*expected one of //p' | tr -d ,)
    [ "$(wc -w <<<"$names")" -ge 13 ] || fail "which there are: $names"
    for name in $names; do
        case $name in lbfgs) break ;; esac # the rest sees all images at each step, see below
        out=$("$program" --data "$mnist" --epochs 3 --validation 300 --batch 50 --$option "$name") ||
            fail "$name: $out"
        awk -v a="${out##* }" 'BEGIN { exit !(a > 0.8) }' || fail "$name: it did not learn: $out"
    done
done
rate() { sed -n "s/^epoch  $1.*  learning rate now //p" <<<"$out"; }
out=$("$program" --data "$mnist" --epochs 2 --validation 300 --schedule cosine --lr 0.2) || fail "$out"
[ "$(rate 1) $(rate 2)" = '0.1 0' ] || fail "cosine goes by batches: $out"
out=$("$program" --data "$mnist" --epochs 8 --validation 300 --schedule plateau --lr 1e-6) || fail "$out"
[ "$(rate 3) $(rate 4) $(rate 7)" = '1e-06 5e-07 2.5e-07' ] || fail "plateau goes by epochs: $out"

say "methods that see all images at each step: a line an iteration, and they learn"
pattern='^epoch +[0-9]+/[0-9]+  train loss [0-9]+\.[0-9]{4}  validation accuracy [01]\.[0-9]{4}  [0-9]+\.[0-9]{2} s  evaluations [0-9]+$'
full() { out=$("$program" --data "$mnist" --validation 300 "$@" 2>&1) || fail "$*: $out"; }
names=$("$program" --optim nothing 2>&1 | sed -n 's/.*expected one of .*\(lbfgs, \)/\1/p' | tr -d ,)
[ "$(wc -w <<<"$names")" -ge 5 ] || fail "which there are: $names"
for name in $names; do
    [ "$name" = newton ] && continue # the whole Hessian of thousands of parameters: minutes
    full --optim "$name" --epochs 25 --hidden 6
    [ "$(grep -Ec "$pattern" <<<"$out")" -eq 25 ] || fail "$name: 25 epochs: $out"
    losses=$(sed -n 's/.*train loss \([0-9.]*\) .*/\1/p' <<<"$out")
    awk 'NR > 1 && $1 > before { exit 1 } { before = $1 }' <<<"$losses" || fail "$name goes up: $out"
    [ "$name" = random ] || awk -v a="${out##* }" 'BEGIN { exit !(a > 0.5) }' || fail "$name: $out"
done
full --optim lbfgs --epochs 30
last=$(tail -n 1 <<<"$out")
awk -v a="${last##* }" 'BEGIN { exit !(a > 0.9) }' || fail "it did not learn: $last"
full --optim lbfgs --epochs 2 --model lenet5
[ "$(grep -Ec "$pattern" <<<"$out")" -eq 2 ] || fail "lenet5: $out"

say "stopped and gone on: the same bytes, from any number of threads"
full --optim lbfgs --epochs 9 --save "$work/whole" --threads 1
full --optim lbfgs --epochs 5 --save "$work/half" --threads 2
full --optim lbfgs --epochs 4 --resume "$work/half" --save "$work/again"
cmp "$work/whole" "$work/again" || fail "resumed, it is not the same"
full --load "$work/whole" --epochs 0
expect_text "loaded without the optimizer" "$out" '^test accuracy'
full --optim lbfgs --resume "$work/whole" --epochs 0
expect_text "resumed for nothing" "$out" '^test accuracy'

say "weight decay is a term of the loss"
full --optim lbfgs --epochs 40 --weight-decay 0.5
expect_text "an end before the last epoch" "$out" '^stopped after [0-9]+ iterations: the gradient is within'

say "on a terminal: a bar with rate and time left, gone at the end of the epoch"
if command -v script >/dev/null; then
    # Small steps, but so many that the bar has the tenth of a second that it waits for.
    (make_mnist 30000 10 many)
    out=$(script -qec "'$program' --data '$work/many' --epochs 1 --batch 1 --hidden 4" /dev/null \
        </dev/null)
    expect_text "a bar" "$out" 'epoch +1/1 \[=+>? *\] +[0-9]+%  [0-9]+ batches/s, [0-9.]+ s left'
else
    say "(script, of Debian's bsdutils, is not there: not tried)"
fi

say "--help explains every option"
out=$("$program" --help) || fail "help: $out"
for option in data model hidden optim lr momentum nesterov weight-decay schedule dropout batch epochs \
    history validation seed threads save load resume; do
    expect_text "help" "$out" "^ +--$option(=[A-Z]+)?( |$)"
done

# refused STATUS MESSAGE OPTION...
refused() {
    local status=$1 message=$2 out got=0
    shift 2
    out=$("$program" --data "$mnist" --epochs 1 --validation 300 "$@" 2>&1) || got=$?
    [ $got -eq "$status" ] || fail "$*: status $got, expected $status: $out"
    expect_text "$*" "$out" "$message"
}
say "wrong command lines are errors that say what is wrong"
refused 64 '--lr -1: expected a number above 0' --lr -1
refused 64 '--lr nan: expected a number above 0' --lr nan
refused 64 '--lr 0.1x: expected a number above 0' --lr 0.1x
refused 64 '--lr inf: expected a number above 0' --lr inf
refused 64 '--momentum -0.5: expected a number not below 0' --momentum -0.5
refused 64 '--weight-decay x: expected a number not below 0' --weight-decay x
refused 64 '--dropout 1.5: expected 0 to 1' --dropout 1.5
refused 64 '--optim sdg: expected one of sgd, momentum, ' --optim sdg
refused 64 '--schedule cosinus: expected one of constant, ' --schedule cosinus
refused 64 '--model vgg: expected one of mlp' --model vgg
refused 64 '--hidden 0: expected a whole number from 1' --hidden 0
refused 64 '--batch 1e3: expected a whole number from 1' --batch 1e3
refused 64 '--epochs -1: expected a whole number from 0' --epochs -1
refused 64 '--seed 99999999999999999999: expected a whole number' --seed 99999999999999999999
refused 64 '--threads 1000: expected a whole number from 0 to 256' --threads 1000
refused 64 'unrecognized option' --learning-rate 1
refused 64 'extra: expected an option' extra
refused 64 '--batch: lbfgs sees all images at each step' --optim lbfgs --batch 128
refused 64 '--dropout: lbfgs wants the same loss each time' --dropout 0.2 --optim lbfgs
refused 64 '--schedule: bfgs finds its steps' --optim bfgs --schedule cosine
refused 64 '--resume: momentum cannot be resumed' --resume "$work/whole"
refused 64 '--resume: lbfgs resumes with the weights' --optim lbfgs --resume "$work/whole" --load "$work/net"
refused 64 '--history 0: expected a whole number from 1' --optim lbfgs --history 0
refused 1 'bfgs has no history' --optim bfgs --history 5
refused 1 'adam has no history' --optim adam --history 5
refused 1 'lbfgs has no momentum' --optim lbfgs --momentum 0.9
refused 1 'optimizer' --optim lbfgs --resume "$work/net"
refused 1 'split' --validation 100000
refused 1 'nowhere' --data "$work/nowhere"
refused 1 'nowhere' --load "$work/nowhere"
refused 64 'cannot be written' --save "$work/nowhere/net"
refused 1 'momentum' --nesterov --momentum 0
refused 1 'adagrad has no momentum' --optim adagrad --momentum 0.9
say "ok"
