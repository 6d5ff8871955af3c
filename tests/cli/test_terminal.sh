#!/usr/bin/env bash
# On a terminal the progress line is redrawn, cut to the terminal's width, and taken away before answers and at the end.
set -euo pipefail
frame=$(dirname "$1")/tests/electra-frame
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! script -qec true /dev/null </dev/null >"$work/out" 2>&1; then
    echo "SKIPPED: no terminal can be made here: $(cat "$work/out")"
    exit 77
fi
fail() {
    echo "FAILED: $*"
    cat -v "$work/out"
    exit 1
}

TERM=xterm script -qec "stty cols 40; '$frame' wait --seconds 0.7" /dev/null </dev/null >"$work/out"
grep -q $'\r''waiting [0-9]*/700 steps' "$work/out" || fail "no progress line"
tr '\r' '\n' <"$work/out" | sed 's/\x1b\[K//g' | awk 'length > 40 { exit 1 }' || fail "a line is too long"
grep -q $'\r\x1b\\[Kdone' "$work/out" || fail "the line was left on the terminal"

TERM=xterm script -qec "'$frame' wait --seconds 0.7 --quiet" /dev/null </dev/null >"$work/out"
! grep -q waiting "$work/out" || fail "--quiet shows progress"
TERM=xterm script -qec "'$frame' fail --status 1" /dev/null </dev/null >"$work/out" || true
grep -q $'\x1b\\[31melectra:' "$work/out" || fail "no color on a terminal"
NO_COLOR=1 TERM=xterm script -qec "'$frame' fail --status 1" /dev/null </dev/null >"$work/out" || true
! grep -q $'\x1b\\[31m' "$work/out" || fail "color in spite of NO_COLOR"
echo "terminal: all as expected"
