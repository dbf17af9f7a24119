#!/bin/bash
# The optimizer of one's own learns, is saved, and goes on where it stopped.
. "$(dirname "$0")/common.sh"

out=$("$build_folder/examples/custom_optimizer" "$work/run.safetensors") || fail "status $?: $out"
expect_text "Adam" "$out" '^  adam       loss 0\.[0-9]{6}$'
expect_text "AdaBelief learns" "$out" '^  adabelief  loss 0\.0[0-9]{5}$'
expect_text "the file" "$out" '^stopped after 150 steps, saved to .*, and resumed: the same, bit for bit$'
say "$out"
