#!/bin/bash
# examples/get_data against a mirror on loopback: complete, wrong, missing and broken-off files.
. "$(dirname "$0")/common.sh"

# The script, with the checksums of files made here in place of the real ones.
script=$work/clone/examples/get_data
served=$work/served
mkdir -p "$work/clone/examples" "$served"
cp "$source_folder/examples/get_data" "$script"

names=(train-images-idx3-ubyte.gz train-labels-idx1-ubyte.gz t10k-images-idx3-ubyte.gz
    t10k-labels-idx1-ubyte.gz)
for name in "${names[@]}"; do
    head -c 300000 /dev/urandom | gzip >"$served/$name"
    sum=$(gzip -dc "$served/$name" | sha256sum | cut -d ' ' -f 1)
    sed -i "s/$name [0-9a-f]*/$name $sum/" "$script"
done
# make_archive SET ARCHIVE FOLDER FILE
make_archive() {
    mkdir "$work/$3"
    head -c 3073 /dev/urandom >"$work/$3/$4"
    tar -czf "$served/$2" -C "$work" "$3"
    sed -i "s/^$1_sum=.*/$1_sum=$(sha256sum <"$served/$2" | cut -d ' ' -f 1)/" "$script"
}
make_archive cifar10 cifar-10-binary.tar.gz cifar-10-batches-bin test_batch.bin
make_archive cifar100 cifar-100-binary.tar.gz cifar-100-binary test.bin

export no_proxy=127.0.0.1 NO_PROXY=127.0.0.1
unset RV_MIRROR
"$build_folder/tests/serve" "$served" "${names[3]}" >"$work/port" 2>"$work/requests" &
started+=($!)
for _ in $(seq 100); do
    [ -s "$work/port" ] && break
    sleep 0.05
done
[ -s "$work/port" ] || fail "the server did not start"
mirror=http://127.0.0.1:$(cat "$work/port")

say "a download that breaks off fails, and goes on where it stopped the next time"
out=$(bash "$script" --mirror "$mirror" mnist "$work/a" 2>&1) && fail "accepted half a file: $out"
expect_text "half a file" "$out" "nobody else to ask for ${names[3]}"
[ ! -e "$work/a/${names[3]}" ] || fail "half a file is in its place"
half=$(stat -c %s "$work/a/.${names[3]}.part")
out=$(bash "$script" --mirror "$mirror" mnist "$work/a" 2>&1) || fail "mnist: $out"
expect_text "resumed" "$(cat "$work/requests")" "^serve: ${names[3]} from $half$"
for name in "${names[@]}"; do
    expect "$name arrives as it is" cmp "$served/$name" "$work/a/$name"
done
expect_text "the end" "$out" "^mnist is in $work/a$"

say "again: nothing is fetched"
before=$(wc -l <"$work/requests")
out=$(bash "$script" --mirror "$mirror" mnist "$work/a" 2>&1) || fail "again: $out"
expect_text "again" "$out" "^t10k-labels-idx1-ubyte.gz: is there already$"
[ "$(wc -l <"$work/requests")" -eq "$before" ] || fail "something was fetched again"

say "one damaged file is fetched again, the mirror named by RV_MIRROR"
printf x >>"$work/a/${names[1]}"
out=$(RV_MIRROR=$mirror/ bash "$script" mnist "$work/a" 2>&1) || fail "damaged: $out"
expect "the file is right again" cmp "$served/${names[1]}" "$work/a/${names[1]}"
[ "$(wc -l <"$work/requests")" -eq $((before + 1)) ] || fail "more was fetched than the one file"

say "a beginning that was another file's is thrown away"
mkdir "$work/c"
head -c 1000 /dev/zero >"$work/c/.${names[0]}.part"
out=$(bash "$script" --mirror "$mirror" mnist "$work/c" 2>&1) || fail "wrong beginning: $out"
expect "the whole file" cmp "$served/${names[0]}" "$work/c/${names[0]}"

say "cifar10 and cifar100 are unpacked"
expect_unpacked() { # SET FOLDER FILE
    out=$(bash "$script" --mirror "$mirror" "$1" "$work/d-$1" 2>&1) || fail "$1: $out"
    expect "$3" cmp "$work/$2/$3" "$work/d-$1/$2/$3"
    [ "$(ls -A "$work/d-$1")" = "$2" ] || fail "left over: $(ls -A "$work/d-$1")"
}
expect_unpacked cifar10 cifar-10-batches-bin test_batch.bin
expect_unpacked cifar100 cifar-100-binary test.bin
cp "$served/cifar-10-binary.tar.gz" "$served/cifar-100-binary.tar.gz"
out=$(bash "$script" --mirror "$mirror" cifar100 "$work/g" 2>&1) && fail "another archive: $out"
expect_text "another archive" "$out" "cifar-100-binary.tar.gz is not the right file"
[ -z "$(ls -A "$work/g")" ] || fail "left over: $(ls -A "$work/g")"

say "a wrong file is refused, and nothing is left of it"
head -c 1000 /dev/urandom | gzip >"$served/${names[2]}"
out=$(bash "$script" --mirror "$mirror" mnist "$work/e" 2>&1) && fail "accepted: $out"
expect_text "wrong file" "$out" "${names[2]} is not the right file: its SHA-256 differs"
[ ! -e "$work/e/${names[2]}" ] && [ ! -e "$work/e/.${names[2]}.part" ] || fail "the file is there"

say "a missing file, a mirror that does not answer, wrong arguments"
rm "$served/${names[2]}"
out=$(bash "$script" --mirror "$mirror" mnist "$work/e" 2>&1) && fail "accepted: $out"
expect_text "missing file" "$out" "nobody else to ask for ${names[2]}"
out=$(bash "$script" --mirror http://127.0.0.1:1 mnist "$work/f" 2>&1) && fail "accepted: $out"
expect_text "no mirror" "$out" "could not be fetched"
out=$(bash "$script" imagenet 2>&1) && fail "accepted: $out"
expect_text "no such data set" "$out" "no data set imagenet; it is mnist, cifar10 or cifar100"
out=$(bash "$script" --mirror 2>&1) && fail "accepted: $out"
expect_text "no URL" "$out" "mirror takes a URL"
bash "$script" >/dev/null 2>&1
[ $? -eq 64 ] || fail "no argument should be status 64"
say "ok"
