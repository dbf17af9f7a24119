#!/bin/bash
# The calculus example: Newton's method arrives, both condition numbers agree, the operation is right.
. "$(dirname "$0")/common.sh"

out=$("$build_folder/examples/calculus") || fail "status $?: $out"
expect_text "Newton's method" "$out" '^  step [0-9]: f = (0|[0-9.]+e-[23][0-9]) +\|g\| = [0-9.e-]+ +at \(1\.000000, 1\.000000\)$'
expect_text "the steps" "$out" '^  Newton takes [0-9] steps, gradient descent [0-9]{5}\.$'
expect_text "the eigenvalues" "$out" '^  all eigenvalues: +0\.3993[0-9]+ and 1001\.6006[0-9]+, condition number 2508\.01$'
expect_text "the products" "$out" '^  by products alone: 0\.3993[0-9]+ and 1001\.6006[0-9]+, condition number 2508\.01$'
[ "$(grep -Ec 'order: +right: ' <<<"$out")" -eq 2 ] || fail "the operation is right, twice: $out"
say "$out"
