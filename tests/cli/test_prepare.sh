#!/usr/bin/env bash
# electra prepare under hard conditions: killed at any moment, a full disk, a very long line.
set -euo pipefail
electra=$1
work=$(mktemp -d)
disk=
clean() {
    [ -z "$disk" ] || umount "$disk"
    rm -rf "$work"
}
trap clean EXIT

fail() {
    echo "FAILED: $*"
    cat "$work/err" 2>/dev/null || true
    exit 1
}
run() { # CODE ARGUMENTS...
    local code=0 expected=$1
    shift
    "$electra" "$@" >"$work/out" 2>"$work/err" </dev/null || code=$?
    [ "$code" -eq "$expected" ] || fail "electra $*: exit code $code, expected $expected"
}

printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' a b c d e f >"$work/vocab.txt"
awk 'BEGIN { srand(1); for (i = 0; i < 200000; ++i) {
    line = ""; for (w = int(rand() * 20); w >= 0; --w) line = line " " substr("abcdef", 1 + int(rand() * 6), 1)
    print line; if (rand() < 0.1) print "" } }' >"$work/text.txt"
prepare=(prepare --input "$work/text.txt" --vocab "$work/vocab.txt" --max-length 64)

# ---- killed: there is no half folder, and the next run does it all ----------------------------------------------------
run 0 "${prepare[@]}" --output "$work/whole" --quiet
whole=$(cat "$work"/whole/* | md5sum)
kills=0
for delay in 0.00 0.01 0.02 0.04 0.06 0.08 0.1 0.15 0.2 0.3; do
    "$electra" "${prepare[@]}" --output "$work/killed" --overwrite --quiet >/dev/null 2>&1 &
    job=$!
    sleep "$delay"
    kill -KILL "$job" 2>/dev/null || true
    code=0
    { wait "$job"; } 2>/dev/null || code=$?
    [ "$code" -eq 0 ] || kills=$((kills + 1))
    if [ -e "$work/killed" ]; then
        run 0 inspect --data "$work/killed" --examples 0
        [ "$(cat "$work"/killed/* | md5sum)" = "$whole" ] || fail "a folder that is there is not whole"
    fi
done
[ "$kills" -gt 0 ] || fail "no run was killed in time"
run 0 "${prepare[@]}" --output "$work/killed" --overwrite --quiet
[ "$(cat "$work"/killed/* | md5sum)" = "$whole" ] || fail "a run after a killed one differs"
[ ! -e "$work/killed.partial" ] || fail "leavings of a killed run"

# ---- a full disk: exit code 1, what was there stays -------------------------------------------------------------------
mkdir "$work/disk"
if [ "$(id -u)" -eq 0 ] && mount -t tmpfs -o size=6m tmpfs "$work/disk" 2>/dev/null; then
    disk=$work/disk
    mkdir "$disk/data" # room for one, not for two
    cp "$work"/whole/* "$disk/data"
    run 1 "${prepare[@]}" --output "$disk/data" --overwrite --seed 7
    grep -q 'No space left' "$work/err" || fail "a full disk is not named"
    [ "$(cat "$disk"/data/* | md5sum)" = "$whole" ] || fail "a full disk has damaged what was there"
    [ ! -e "$disk/data.partial" ] || fail "leavings on a full disk"
    echo "full disk: as expected"
else
    echo "SKIPPED 1 check: a full disk needs root and tmpfs"
fi

# ---- memory: a very long line -----------------------------------------------------------------------------------------
# One line of 64 MB may not take 256 MB of address space; sanitizers need more and are not measured.
if [ -z "${ELECTRA_SANITIZE:-}" ]; then
    awk 'BEGIN { for (i = 0; i < 5000000; ++i) printf "abcdefabcde%s ", substr("abcdef", 1 + i % 6, 1) }' >"$work/line.txt"
    (
        ulimit -v 262144
        run 0 prepare --input "$work/line.txt" --vocab "$work/vocab.txt" --output "$work/long" --heldout 0 --threads 2
    )
    grep -q 'too long to be read whole' "$work/err" || fail "a very long line is not mentioned"
    echo "one line of 65 MB: as expected"
fi
echo "prepare: killed $kills times, as expected"
