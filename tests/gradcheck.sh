#!/bin/bash
# The gradcheck example finds the planted mistake, and nothing else.
. "$(dirname "$0")/common.sh"

out=$("$build_folder/examples/gradcheck") || fail "status $?: $out"
[ "$(grep -Ec 'order: +right: ' <<<"$out")" -eq 4 ] || fail "two functions are right, twice: $out"
expect_text "the mistake" "$out" '^  first order:  WRONG: input 0, element \[[0-9],[0-9]\]'
expect_text "the mistake" "$out" 'analytic [-0-9.e]+, numeric [-0-9.e]+'
say "$out"
