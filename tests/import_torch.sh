#!/bin/bash
# A network saved by PyTorch gives the same here; its file is made as the example says.
. "$(dirname "$0")/common.sh"
program=$build_folder/examples/import_torch
golden=$source_folder/tests/golden/import_torch

say "the same output, and the state is saved under the same names"
out=$("$program" "$golden.safetensors" "$work/saved") || fail "status $?: $out"
expect_text "loading" "$out" '^9 tensors loaded, 0 missing, 2 not of the network$'
expect_text "the output" "$out" '^largest difference .*, which is rounding$'
names() { head -c 2000 "$1" | grep -aoE '"[a-z0-9_.]+":\{"dtype"' | sort; }
[ "$(names "$work/saved")" = "$(names "$golden.safetensors" | grep -vE '"(in|out)put"')" ] ||
    fail "names: $(names "$work/saved")"

say "what was saved has no input to compare with"
out=$("$program" "$work/saved" 2>&1) && fail "loaded what has no input: $out"
expect_text "no input" "$out" '^9 tensors loaded, 0 missing, 0 not of the network$'

say "a file that is another by one byte of a weight is noticed"
size=$(stat -c %s "$golden.safetensors")
cp "$golden.safetensors" "$work/other"
printf '\177' | dd of="$work/other" bs=1 seek=$((size - 1)) conv=notrunc status=none
out=$("$program" "$work/other" 2>&1) && fail "not noticed: $out"
expect_text "another file" "$out" 'too much|inf|nan'

say "no file, no argument"
out=$("$program" "$work/nothing" 2>&1) && fail "no file: $out"
expect_text "no file" "$out" 'nothing" cannot be read'
out=$("$program" 2>&1)
[ $? -eq 64 ] || fail "no argument: $out"

say "the Python in the example is that which made the file"
diff <(sed -n '/^ \*     import torch$/,/^ \*     save_file/s/^ \* \{0,5\}//p' \
    "$source_folder/examples/import_torch.c") <(sed -n '/^import torch$/,$p' "$golden.py") ||
    fail "the lines differ"
say "ok"
