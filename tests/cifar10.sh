#!/bin/bash
# The cifar10 example, and classify, which uses what it saves.
. "$(dirname "$0")/common.sh"
make_cifar 640 200
program=$build_folder/examples/cifar10
classify=$build_folder/examples/classify
unset RV_DATA
# cifar10 OPTION...
cifar10() { "$program" --data "$cifar" "$@" 2>"$work/err"; }
# accuracy OUTPUT AT_LEAST: of the last line.
accuracy() {
    awk -v a="${1##* }" -v b="$2" 'BEGIN { exit !(a >= b) }' || fail "it did not learn: $1"
}

say "resnet20, as by default: a line an epoch, with the test accuracy"
out=$(cifar10 --epochs 4 --batch 32 --save "$work/net") || fail "training: $(cat "$work/err")"
pattern='^epoch  [1-4]/4  train loss [0-9]+\.[0-9]{4}  test accuracy [01]\.[0-9]{4}  [0-9]+\.[0-9]{2} s$'
[ "$(grep -Ec "$pattern" <<<"$out")" -eq 4 ] || fail "four epochs: $out"
[ "$(wc -l <<<"$out")" -eq 5 ] || fail "five lines: $out"
last=$(tail -n 1 <<<"$out")
expect_text "the last line" "$last" '^test accuracy [01]\.[0-9]{4}$'
accuracy "$last" 0.9
fourth=$(grep '^epoch  4' <<<"$out")
[[ $fourth == *"$last"* ]] || fail "the last epoch's accuracy is another: $out"
for name in conv1.weight layer2.0.shortcut.0.weight layer3.2.bn2.running_var fc.bias; do
    expect "PyTorch's names" grep -aq "\"$name\"" "$work/net"
done

say "loaded in a new process: the same test accuracy, and a summary"
out=$(cifar10 --load "$work/net" --epochs 0) || fail "loading: $out"
[ "$out" = "$last" ] || fail "saved: $last; loaded: $out"
out=$(cifar10 --load "$work/net" --epochs 0 --summary) || fail "summary: $out"
expect_text "summary" "$out" '\[1,64,8,8\]'
refused 1 '"features.0.weight" is missing' "$program" --data "$cifar" --load "$work/net" --epochs 0 --model vgg11

say "classify: the right class of an image of another size, with its probability"
right=0
for class in airplane automobile bird cat deer dog frog horse ship truck; do
    out=$("$classify" "$work/net" "$cifar/$class.png") || fail "classify: $out"
    [ "$(grep -Ec '^[01]\.[0-9]{4}  [a-z]+$' <<<"$out")" -eq 5 ] || fail "five classes: $out"
    expect "the likeliest first" sort -rc <<<"$(cut -d ' ' -f 1 <<<"$out")"
    [ "$(awk '{ print $2; exit }' <<<"$out")" = $class ] && right=$((right + 1))
done
[ $right -ge 8 ] || fail "classify: $right of 10 are right"

say "classify: of test images as many are right as cifar10 counts, also where a network does badly"
mkdir "$work/twenty"
ln -s "$cifar"/data_batch_?.bin "$work/twenty"
head -c $((20 * 3073)) "$cifar/test_batch.bin" >"$work/twenty/test_batch.bin"
cifar10 --model linear --epochs 1 --lr 0.002 --save "$work/linear" >/dev/null || fail "linear"
for model in resnet20 linear; do
    net=$work/net
    [ $model = linear ] && net=$work/linear
    right=0
    for image in "$cifar"/[0-9]*-*.png; do
        out=$("$classify" "$net" "$image") || fail "classify: $out"
        class=${image##*-}
        [ "$(awk '{ print $2; exit }' <<<"$out")" = "${class%.png}" ] && right=$((right + 1))
    done
    out=$("$program" --data "$work/twenty" --model $model --load "$net" --epochs 0) || fail "$out"
    [ "$out" = "test accuracy $(awk -v r=$right 'BEGIN { printf "%.4f", r / 20 }')" ] ||
        fail "$model: classify has $right of 20; $out"
    say "$model: $right of 20"
done
[ $right -ge 4 ] && [ $right -le 16 ] || fail "linear: $right of 20 are right: no hard test"
refused 1 'nowhere.png' "$classify" "$work/net" "$work/nowhere.png"
refused 1 'nowhere' "$classify" "$work/nowhere" "$cifar/cat.png"
refused 1 'test_batch.bin' "$classify" "$cifar/test_batch.bin" "$cifar/cat.png"
refused 1 'PNG' "$classify" "$work/net" "$cifar/test_batch.bin"
refused 64 'IMAGE is missing' "$classify" "$work/net"
refused 64 'expected an option' "$classify" "$work/net" "$cifar/cat.png" extra
linear=$build_folder/examples/linear
expect "another example's file" "$linear" --data "$cifar" --epochs 0 --save "$work/other" >/dev/null
refused 1 'does not say which model it is' "$classify" "$work/other" "$cifar/cat.png"

say "other models, optimizers and augmentations; images kept apart"
out=$(cifar10 --epochs 2 --batch 32 --model lenet5 --augment flip,crop,cutout --optim adam \
    --lr 0.003 --weight-decay 0 --validation 100) || fail "lenet5: $(cat "$work/err")"
expect_text "validation" "$out" '^epoch  2/2  train loss [0-9.]+  validation accuracy [01]\.[0-9]{4} '
accuracy "$out" 0.5
for augment in none crop flip cutout crop,flip; do
    out=$(cifar10 --epochs 1 --model linear --augment $augment --optim sgd --lr 0.01) ||
        fail "$augment: $out"
    sed -n 's/^epoch.*train loss \([0-9.]*\) .*/\1/p' <<<"$out"
done >"$work/losses"
[ "$(sort -u "$work/losses" | wc -l)" -eq 5 ] ||
    fail "some augmentation changes nothing: $(cat "$work/losses")"
for options in '--optim nadam --schedule one_cycle' '--optim momentum --schedule plateau --lr 0.01'; do
    # shellcheck disable=SC2086
    out=$(cifar10 --epochs 2 --batch 32 --model lenet5 $options) || fail "$options: $out"
    accuracy "$out" 0.2
done

out=$(cifar10 --epochs 2 --model linear --augment none --lr 0.01) || fail "cosine: $out"
for schedule in constant plateau; do
    other=$(cifar10 --epochs 2 --model linear --augment none --lr 0.01 --schedule $schedule) ||
        fail "$schedule: $other"
    [ "$(grep -o 'loss [0-9.]*' <<<"$out")" != "$(grep -o 'loss [0-9.]*' <<<"$other")" ] ||
        fail "$schedule changes nothing: $out"
done
expect "nadam" cifar10 --epochs 1 --model linear --optim nadam >/dev/null

say "the same bytes from 1, 2 and 3 threads, other ones from another seed"
for threads in 1 2 3; do
    cifar10 --epochs 1 --threads $threads --model lenet5 --augment crop,flip,cutout \
        --save "$work/$threads" >/dev/null || fail "$threads threads"
    expect "$threads threads" cmp "$work/1" "$work/$threads"
done
cifar10 --epochs 1 --seed 7 --model lenet5 --augment crop,flip,cutout --save "$work/other" \
    >/dev/null || fail "another seed"
cmp -s "$work/1" "$work/other" && fail "another seed left the same parameters"

say "wrong command lines are errors that say what is wrong"
refused 64 '--model resnet21: expected one of linear, ' "$program" --model resnet21
refused 64 '--augment crop,spin: expected some of none, crop' "$program" --augment crop,spin
refused 64 '--optim sdg: expected one of sgd' "$program" --optim sdg
refused 64 '--schedule cosinus: expected one of constant' "$program" --schedule cosinus
refused 64 '--weight-decay -1: expected a number not below 0' "$program" --weight-decay -1
refused 64 'cannot be written' "$program" --save "$work/nowhere/net"
refused 1 'nowhere' "$program" --data "$work/nowhere"
refused 1 'split' "$program" --data "$cifar" --validation 640
refused 1 'batch' "$program" --data "$cifar" --batch 641
out=$("$program" --help) || fail "help: $out"
for option in data model summary augment optim lr momentum weight-decay schedule batch epochs \
    validation seed threads save load; do
    expect_text "help" "$out" "^ +--$option(=[A-Z]+)?( |$)"
done
say "ok"
