#!/bin/bash
# The landscape example: where optimizers end, what their paths look like, what it writes and draws,
# and what it says to a wrong command line.
. "$(dirname "$0")/common.sh"
program=$build_folder/examples/landscape

# run OPTION...: its output, in $out.
run() { out=$("$program" "$@" 2>&1) || fail "$*: status $?: $out"; }
# ends WHAT NAME X Y: where $out says that an optimizer is, to the last of six digits.
ends() {
    local line
    line=$(grep "^$2 " <<<"$out" | tr -d '(),')
    awk -v x="$3" -v y="$4" '{ a = $3 - x; b = $4 - y; e = 1e-6
        exit !(NF >= 6 && a < e && -a < e && b < e && -b < e) }' <<<"$line" ||
        fail "$1: expected $3 $4: $line"
}

say "gradient descent in a valley: (1 - lr)^n and (1 - K lr)^n"
run --optim sgd --lr 0.03 --steps 7 --condition 40 --start -3,2
ends "sgd" sgd "$(awk 'BEGIN { printf "%.12f", -3 * 0.97^7 }')" "$(awk 'BEGIN { printf "%.12f", 2 * (-0.2)^7 }')"
expect_text "f" "$out" '^start: \(-3, 2\), f = 84\.5$'

say "ten steps from (-1.2, 1) down Rosenbrock's, as PyTorch makes them"
run --surface rosenbrock --optim sgd,momentum,adam --lr sgd=0.001,momentum=0.001,adam=0.05 --steps 10
ends "sgd" sgd -1.02141133426975 1.05126226737604
ends "momentum" momentum -0.813923231295306 0.754867772222504
ends "adam" adam -1.01499120693675 1.15730897812336

say "the Hessian: the condition number is the one chosen, Rosenbrock's at the minimum is 2508"
run --steps 1 --condition 100
expect_text "valley" "$out" 'eigenvalues 1 and 100, condition number 100$'
run --surface rosenbrock --start 1,1 --steps 1
expect_text "rosenbrock" "$out" 'eigenvalues 0\.399361 and 1001\.6, condition number 2508\.01$'
run --surface saddle --start 0,0 --steps 1
expect_text "saddle" "$out" 'eigenvalues -1 and 4 \(not convex\), condition number 4$'

say "every surface: f and the distance at its minimum, where nothing moves"
while read -r surface x y f; do
    run --surface "$surface" --start "$x,$y" --optim sgd --steps 3
    ends "$surface" sgd "$x" "$y"
    awk -v f="$f" '/^sgd / { d = $(NF - 1) - f; if (d * d > 1e-12 || $NF > 1e-6) bad = 1 }
        END { exit bad }' <<<"$(tr -d '(),' <<<"$out")" || fail "$surface: $out"
done <<<'valley 0 0 0
saddle 0 1 -0.25
minima -1 0 -0.38333333
rosenbrock 1 1 0
beale 3 0.5 0'

# path NAME COLUMN: one of step, x, y, f along a path of $work/data.gp.
path() {
    awk -v name="# $1," -v column="$2" 'index($0, name) == 1 { inside = 1; next }
        /^end$/ { inside = 0 } inside { print $column }' "$work/data.gp"
}
say "the textbook's picture: sgd zigzags, momentum overshoots and returns, nesterov less"
run --out "$work/data.gp"
[ "$(path sgd 3 | awk 'NR > 1 && $1 * before < 0 { turns++ } { before = $1 } NR == 20 { print turns }')" -eq 19 ] ||
    fail "sgd does not cross the valley in each of its first steps"
farthest() { path "$1" 2 | sort -g | tail -n 1; }
awk -v s="$(farthest sgd)" -v m="$(farthest momentum)" -v n="$(farthest nesterov)" \
    'BEGIN { exit !(s < 0 && n > 0.5 && m > n) }' || fail "who overshoots: $out"
swing() { path "$1" 3 | sort -g | head -n 1; } # how far across to the other side
awk -v m="$(swing momentum)" -v n="$(swing nesterov)" 'BEGIN { exit !(m < n && n < -0.5) }' ||
    fail "who swings how far: $(swing momentum) $(swing nesterov)"

say "only momentum gets out of the local minimum"
run --surface minima --optim sgd,momentum,nesterov
ends "sgd" sgd 1 0
awk '/^(momentum|nesterov)/ && $NF > 0.1 { exit 1 }' <<<"$out" || fail "momentum: $out"

say "noise: the same from the same seed, for each optimizer; other from another; none without it"
run --optim sgd,momentum --noise 1 --seed 3 && one=$out
run --optim momentum,sgd --noise 1 --seed 3 && two=$out
[ "$(grep ^sgd <<<"$one")" = "$(grep ^sgd <<<"$two")" ] || fail "the same seed: $one $two"
run --optim sgd --noise 1 --seed 4
[ "$(grep ^sgd <<<"$one")" != "$(grep ^sgd <<<"$out")" ] || fail "another seed: $out"
run --optim sgd --steps 1 --noise 0.001 --lr 0.01 --start 0,0
awk '/^sgd/ { exit !($NF > 1e-7 && $NF < 1e-4) }' <<<"$out" || fail "how large it is: $out"

say "what flies off is said to diverge, and the others go on"
run --optim sgd,adam --lr sgd=100,adam=0.1 --steps 1000
expect_text "sgd" "$out" '^sgd .* diverged: not finite after [0-9]+ steps$'
expect_text "adam" "$out" '^adam .*e-'

say "every optimizer that there is"
names=$("$program" --optim nothing 2>&1 | sed -n 's/.*some of \(.*\), divided.*/\1/p' | tr -d ,)
[ "$(wc -w <<<"$names")" -ge 16 ] || fail "which there are: $names"
run --optim "$(tr ' ' , <<<"$names")"
for name in $names; do
    tr -d '(),' <<<"$out" | awk -v name="$name" \
        '$1 == name { found = $6 ~ /^[0-9.]+e/ && $6 + 0 < 9 } END { exit !found }' ||
        fail "$name does not come nearer: $out"
done

say "methods that evaluate the loss again are there in few steps, and say why they stopped"
quick=$(tr ' ' '\n' <<<"$names" | sed -n '/^lbfgs$/,$p' | grep -v '^random$' | paste -sd ,)
expect_text "which there are" "$quick" '^lbfgs,bfgs,ssbfgs,ssbroyden,cg,newton-cg,newton$'
for surface in valley rosenbrock beale; do
    run --surface "$surface" --optim "$quick,random"
    for name in ${quick//,/ }; do
        case $surface in valley) ends "$name" "$name" 0 0 ;; rosenbrock) ends "$name" "$name" 1 1 ;;
            *) ends "$name" "$name" 3 0.5 ;; esac
        grep "^$name " <<<"$out" | awk -F'[(,]' '{ steps = $(NF - 1) + 0; evaluations = $NF + 0
            exit !(steps >= 1 && steps < 60 && evaluations > steps && evaluations < 200) }' ||
            fail "$name: how many steps: $out"
        expect_text "$name" "$out" "^$name .*\(.* steps, .* evaluations: the gradient is within its tolerance\)$"
    done
    expect_text "random" "$out" '^random .* evaluations: (all iterations were made|no step lowers the loss .*)\)$'
done
run --surface rosenbrock --optim lbfgs --steps 9 --out "$work/data.gp"
[ "$(path lbfgs 1 | tail -n 1)" -eq 9 ] || fail "nine steps: $(path lbfgs 1)"
path lbfgs 4 | awk 'NR > 1 && $1 >= before { exit 1 } { before = $1 }' || fail "it climbs: $(path lbfgs 4)"
run --out "$work/data.gp"

say "pictures"
if command -v gnuplot >/dev/null; then
    for file in a.svg b.png "it's; \$x.svg" '|touch owned.svg'; do
        (cd "$work" && "$program" --out "$file" >"$work/out" 2>&1) || fail "$(cat "$work/out")"
        [ -s "$work/$file" ] || fail "$file is not there: $(cat "$work/out")"
    done
    grep -q '^<svg' "$work/a.svg" || fail "a.svg is no SVG"
    head -c 4 "$work/b.png" | grep -aq PNG || fail "b.png is no PNG"
    tail -n 3 "$work/a.svg" | grep -q '^</svg>' || fail "a.svg is cut"
    for name in sgd momentum nesterov; do
        grep -q ">$name<" "$work/a.svg" || fail "a.svg has no $name"
    done
    [ "$(wc -c <"$work/a.svg")" -lt 100000 ] || fail "a.svg is large"
    run --start 1000,1000 --lr 100 --out "$work/far.svg"
    expect_text "far away" "$out" '^drawn: '
    [ ! -e "$work/owned.svg" ] || fail "a name was run as a command"
    gnuplot -e "set terminal svg; set output '$work/again.svg'" "$work/data.gp" ||
        fail "gnuplot does not draw what was written for it"
    grep -q '>nesterov<' "$work/again.svg" || fail "drawn from the file, it is not the same"
    out=$("$program" --out "$work" 2>&1) && fail "a folder is no picture: $out"
    mkdir "$work/folder.png"
    out=$("$program" --out "$work/folder.png" 2>&1) && fail "a folder is no picture: $out"
else
    say "(gnuplot is not there: not tried)"
fi
mkdir "$work/empty"
out=$(PATH=$work/empty "$program" --out "$work/none.svg" 2>&1) || fail "without gnuplot: $out"
expect_text "without gnuplot" "$out" 'apt install gnuplot-nox'
expect_text "without gnuplot" "$out" "^written: $work/none.gp"
cmp "$work/none.gp" "$work/data.gp" || fail "without gnuplot, other data"
[ ! -e "$work/none.svg" ] || fail "a picture without gnuplot"

say "--help explains every option"
run --help
for option in surface condition start optim lr steps noise seed out; do
    expect_text "help" "$out" "^ +--$option(=[A-Z,=]+)?( |$)"
done

# refused STATUS MESSAGE OPTION...
refused() {
    local status=$1 message=$2 got=0
    shift 2
    out=$("$program" "$@" 2>&1) || got=$?
    [ $got -eq "$status" ] || fail "$*: status $got, expected $status: $out"
    expect_text "$*" "$out" "$message"
}
say "wrong command lines are errors that say what is wrong"
refused 64 '--surface hill: expected one of valley, saddle, minima, rosenbrock, beale' --surface hill
refused 64 '--condition 0: expected a number above 0' --condition 0
refused 64 '--condition beale: expected another surface' --surface beale --condition 3
refused 64 '--start 1: expected two numbers|--start : expected two numbers' --start 1
refused 64 '--start 3: expected two numbers' --start 1,2,3
refused 64 '--start nan: expected two numbers' --start 1,nan
refused 64 '--optim adam,sdg: expected some of sgd, momentum, ' --optim adam,sdg
refused 64 '--optim : expected names of optimizers, each once' --optim sgd,,adam
refused 64 '--optim sgd: expected names of optimizers, each once' --optim sgd,adam,sgd
refused 64 '--lr 0: expected X above 0' --lr 0
refused 64 '--lr sgd=-1: expected X above 0' --lr sgd=-1
refused 64 '--lr sgd=1x: expected X above 0' --lr sgd=1x
refused 64 '--lr adam: expected .* of optimizers that run' --optim sgd --lr adam=1
refused 64 '--steps 0: expected a whole number from 1' --steps 0
refused 64 '--noise bfgs: expected optimizers that bear it' --noise 1 --optim adam,bfgs
refused 64 '--noise -1: expected a number not below 0' --noise -1
refused 64 '--out picture.jpg: expected a name that ends in' --out picture.jpg
refused 64 'cannot be written' --out "$work/nowhere/picture.svg"
refused 64 'unrecognized option' --size 3
refused 1 'landscape|hessian|eigh' --surface rosenbrock --start 1e200,1
if [ -e /dev/full ] && ln -s /dev/full "$work/full.gp"; then
    refused 1 'could not be written' --out "$work/full.gp"
fi
say "ok"
