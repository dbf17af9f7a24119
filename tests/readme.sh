#!/bin/bash
# Everything in README.md is run: from a copy of the clone, in the order in which it stands there.
#
# The sh blocks are run as they are, but for ./tests/run, which is running this. The first C block
# is script.c; what it prints must look like the block that follows it. The second is a function
# and, from its first empty line on, statements.
. "$(dirname "$0")/common.sh"

command -v curl >/dev/null || skip "curl is not installed"
find_mnist 8000 1000
mkdir "$work/clone" "$work/home" "$work/data"
ln -s "$mnist" "$work/data/mnist"
tar -C "$source_folder" --exclude=./build --exclude='./build-*' --exclude=./.git --exclude=./data \
    -cf - . | tar -C "$work/clone" -xf -
cd "$work/clone" || exit 1
export HOME=$work/home
# Nothing comes from the internet: quickstart trains on these images, get_data's mirror is a folder.
export RV_DATA=$work/data RV_MIRROR=file://$mnist

# block LANGUAGE NUMBER: the contents of that fenced block.
block() {
    awk -v fence="\`\`\`$1" -v number="$2" '
        $0 == fence && !inside { inside = 1; mine = ++count == number; next }
        /^```/ { inside = !inside && $0 != "```" ? 1 : 0; mine = 0; next }
        inside && mine' README.md
}
[ "$(wc -l <README.md)" -le 80 ] || fail "README.md is longer than a screen"
block c 1 >script.c
[ -s script.c ] || fail "README.md has no C block"
block text 1 >expected
[ -s expected ] || fail "README.md has no block with the script's output"

number=1
while commands=$(block sh $number) && [ -n "$commands" ]; do
    say "--- block $number:" "$commands"
    grep -v '^\./tests/run' <<<"$commands" >"block$number.sh"
    # Made-up images have other checksums.
    [ "$mnist" = "$work/fake" ] &&
        sed -i 's|^\./examples/get_data.*|mkdir data \&\& ln -s "$RV_DATA/mnist" data/mnist|' \
            "block$number.sh"
    bash -e "block$number.sh" >"out$number" 2>&1 </dev/null ||
        fail "block $number: $(tail -n 40 "out$number")"
    tail -n 3 "out$number"
    number=$((number + 1))
done
[ $number -gt 2 ] || fail "README.md has fewer than two sh blocks"
grep -q '^\./tests/run' <(block sh 1) && [ -x tests/run ] || fail "tests/run is not in the README"
expect_text "quickstart" "$(tail -n 1 out1)" '^test accuracy [01]\.[0-9]{4}$'

# The same lines, whatever the numbers.
shape() { sed -E 's/[0-9]+/N/g'; }
got=$(tail -n "$(wc -l <expected)" "out$((number - 1))")
[ "$(shape <<<"$got")" = "$(shape <expected)" ] ||
    fail "the script printed:"$'\n'"$got"$'\n'"README.md says:"$'\n'"$(cat expected)"
if [ "$mnist" != "$work/fake" ]; then
    # On the real images, also the accuracy that README.md claims.
    awk -v a="$(tail -n 1 <<<"$got" | grep -Eo '[01]\.[0-9]+')" \
        -v b="$(tail -n 1 expected | grep -Eo '[01]\.[0-9]+')" \
        'BEGIN { exit !(a > b - 0.005 && a < b + 0.005) }' ||
        fail "the accuracy is not the README's: $(tail -n 1 <<<"$got")"
fi

# The second C block.
{
    printf '#include <stdio.h>\n#include <ravine.h>\n'
    block c 2 | awk '!body && /^$/ { body = 1; print "int main(void)\n{" }
                     { print }
                     END { if (body) print "return rv_error() != NULL;\n}" }'
} >second.c
export PKG_CONFIG_PATH=~/ravine/lib/pkgconfig LD_LIBRARY_PATH=~/ravine/lib
expect "the second C block" cc second.c $(pkg-config --cflags --libs ravine) -o second
second=$(./second 2>&1) || fail "the second C block: $second"
expect_text "the second C block" "$second" '^right$'

# Every file and folder that the README names is there.
for name in $(grep -Eo '`[a-zA-Z_./]+`' README.md | tr -d '`' | sort -u); do
    case $name in
    */* | *.h | *.md)
        [ -e "$name" ] || [ -e "core/$name" ] || [ -e "autograd/$name" ] || fail "there is no $name"
        ;;
    esac
done
say "ok"
