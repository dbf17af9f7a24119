#!/bin/bash
# The layer of one's own is right, is saved, and is the same when loaded.
. "$(dirname "$0")/common.sh"

out=$("$build_folder/examples/custom_layer" "$work/net.safetensors") || fail "status $?: $out"
expect_text "the derivatives" "$out" 'by input and 8 parameters: right$'
expect_text "the names" "$out" '^  2\.inner\.weight +8 numbers$'
expect_text "the file" "$out" '^loaded into another one, it gives the same$'
expect_text "the summary" "$out" '^38 parameters \(38 trainable, 0 frozen\), 130 multiply-adds$'
say "$out"
