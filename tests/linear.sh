#!/bin/bash
# The linear example: both classifiers learn, random search hardly; pictures, files, command lines.
. "$(dirname "$0")/common.sh"
make_cifar 1000 200
program=$build_folder/examples/linear
unset RV_DATA
# linear OPTION...
linear() { "$program" --data "$cifar" --validation 200 "$@" 2>"$work/err"; }

say "softmax and svm: a line an epoch, the test accuracy last"
for model in softmax svm; do
    out=$(linear --model $model --epochs 8 --lr 0.01 --weight-decay 0.01 --save "$work/$model" \
        --templates "$work/$model.png") || fail "$model: $(cat "$work/err")"
    pattern='^epoch  [1-8]/8  train loss [0-9]+\.[0-9]{4}  validation accuracy [01]\.[0-9]{4}  [0-9]+\.[0-9]{2} s$'
    [ "$(grep -Ec "$pattern" <<<"$out")" -eq 8 ] || fail "eight epochs: $out"
    [ "$(wc -l <<<"$out")" -eq 9 ] || fail "nine lines: $out"
    last=$(tail -n 1 <<<"$out")
    expect_text "the last line" "$last" '^test accuracy [01]\.[0-9]{4}$'
    awk -v a="${last##* }" 'BEGIN { exit !(a > 0.6) }' || fail "$model did not learn: $last"
    expect "PyTorch's names" grep -aq '"1.weight"' "$work/$model"

    out=$(linear --model $model --load "$work/$model" --epochs 0) || fail "loading: $out"
    [ "$out" = "$last" ] || fail "saved: $last; loaded: $out"
    # 5 by 2 templates of 32 by 32, 2 pixels around each, three times as large: 516 by 210.
    size=$(od -An -tu1 -j16 -N8 "$work/$model.png" | tr -s ' ')
    [ "$size" = " 0 0 2 4 0 0 0 210" ] || fail "the picture's size is$size"
done
cmp -s "$work/softmax.png" "$work/svm.png" && fail "both draw the same"

say "random search: the best of its matrices, not much better than chance"
out=$(linear --model random --trials 30 --threads 1 --save "$work/random") || fail "random: $out"
pattern='^best of 30 random matrices  validation accuracy ([01]\.[0-9]{4})  [0-9.]+ s$'
expect_text "the search" "$out" "$pattern"
best=$(sed -nE "s/$pattern/\1/p" <<<"$out")
awk -v a="$best" -v b="${out##* }" 'BEGIN { exit !(a > 0.13 && b > 0.05 && b < 0.6) }' ||
    fail "random: $out"
last=$(tail -n 1 <<<"$out")
out=$(linear --model random --load "$work/random" --epochs 0) || fail "loading: $out"
[ "$out" = "$last" ] || fail "saved: $last; loaded: $out"
# The best of more is no worse, and the first trials are the same.
out=$(linear --model random --trials 60 --threads 1) || fail "random: $out"
awk -v a="$best" -v b="$(sed -nE "s/^best of 60.* accuracy ([0-9.]+)  .*/\1/p" <<<"$out")" \
    'BEGIN { exit !(b >= a) }' || fail "60 matrices are worse than 30: $best; $out"

say "the same bytes from 1, 2 and 3 threads, other ones from another seed"
for threads in 1 2 3; do
    linear --epochs 1 --threads $threads --save "$work/$threads" >/dev/null || fail "$threads"
    linear --model random --trials 3 --threads $threads --save "$work/r$threads" >/dev/null ||
        fail "$threads"
    expect "$threads threads" cmp "$work/1" "$work/$threads"
    expect "$threads threads" cmp "$work/r1" "$work/r$threads"
done
linear --epochs 1 --seed 7 --save "$work/other" >/dev/null || fail "another seed"
cmp -s "$work/1" "$work/other" && fail "another seed left the same parameters"

say "wrong command lines are errors that say what is wrong"
refused 64 '--model mlp: expected one of softmax, svm, random' "$program" --model mlp
refused 64 '--lr 0: expected a number above 0' "$program" --lr 0
refused 64 '--trials 0: expected a whole number from 1' "$program" --trials 0
refused 64 'cannot be written' "$program" --templates "$work/nowhere/a.png"
refused 64 'extra: expected an option' "$program" extra
refused 1 'nowhere' "$program" --data "$work/nowhere"
refused 1 'split' "$program" --data "$cifar" --validation 1000
make_cifar 0 200 empty
refused 1 'data_batch_1.bin' "$program" --data "$cifar"
out=$("$program" --help) || fail "help: $out"
for option in data model lr weight-decay batch epochs trials validation seed threads templates \
    save load; do
    expect_text "help" "$out" "^ +--$option(=[A-Z]+)?( |$)"
done
say "ok"
