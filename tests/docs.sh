#!/bin/bash
# The pages say nothing of what does not exist, and docs/operations.md leaves no operation out.
. "$(dirname "$0")/common.sh"
cd "$source_folder" || exit 1
pages=(README.md docs/*.md)

# What a page may name: what a header that is installed has (those that export something, or are
# read by one that does), environment variables and options of the build.
public=(ravine.h autograd/op_list.h core/macros.h $(grep -l RV_API ./*/*.h))
grep -Eoh '\b(rv|RV)_[A-Za-z0-9_]+' "${public[@]}" CMakeLists.txt core/{parallel,random}.c \
    core/kernels/dispatch.c examples/get_data tests/run | sort -u >"$work/known"
grep -Eoh '\b(rv|RV)_[A-Za-z0-9_]*[A-Za-z0-9]\b' "${pages[@]}" | grep -vx 'rv_NAME_grad' |
    sort -u >"$work/named"
[ "$(wc -l <"$work/named")" -gt 200 ] || fail "the pages name too little: is the pattern right?"
unknown=$(comm -13 "$work/known" "$work/named")
[ -z "$unknown" ] || fail "no header has what the pages name:" $unknown

# Every operation has its place in the tables, except derivatives that are operations. Composed ones
# may be called _with alone.
operations=$(sed '/define RV_OPERATION_FAMILIES/,/^$/d' autograd/op_list.h |
    sed -nE 's/^ +(X|COMPOSED)\(([a-z0-9_]+)\).*/\2/p' | grep -v '_grad$')
[ "$(wc -w <<<"$operations")" -gt 150 ] || fail "op_list.h has too few: is the pattern right?"
for name in $operations; do
    grep -qE "\\brv_$name(_with)?\\b" <(grep '^|' docs/operations.md) ||
        fail "docs/operations.md has no row for $name"
done

grep -q " $(wc -w <<<"$operations") operations " README.md ||
    fail "README.md has another number of operations than $(wc -w <<<"$operations")"

# Every file in backticks is there; one without a folder is in the room named before it. script.c is
# what the README's reader makes.
for name in $(grep -Eoh '`[a-zA-Z0-9_./-]+\.(h|c|md|sh|inc|py)`' "${pages[@]}" | tr -d '`' |
    sort -u | grep -vx script.c); do
    [ -e "$name" ] || [ -n "$(find core autograd examples layers optim tests -name "$name")" ] || fail "there is no $name"
done

# Every link of the README is too.
for name in $(grep -Eo '\]\([^)#]+\)' README.md | sed 's/^](//; s/)$//' | grep -v '^http'); do
    [ -e "$name" ] || fail "README.md links to $name, which is not there"
done

# The C blocks of docs/operations.md compile, each as the body of a function.
compiler=${CC:-cc}
awk '/^```c$/ { inside = 1; print "void block" ++count "(void)\n{"; next }
     /^```/ && inside { inside = 0; print "}"; next }
     inside' docs/operations.md >"$work/blocks"
[ "$(grep -c '^void block' "$work/blocks")" -ge 2 ] || fail "docs/operations.md has too few C blocks"
{ echo '#include <ravine.h>' && cat "$work/blocks"; } >"$work/blocks.c"
"$compiler" -std=c11 -Wall -Wno-unused-variable -Wno-missing-prototypes -Werror -fsyntax-only \
    -I "$source_folder" "$work/blocks.c" || fail "the C blocks of docs/operations.md do not compile"
say "$(wc -l <"$work/named") names, $(wc -w <<<"$operations") operations: all there"
