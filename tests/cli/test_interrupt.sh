#!/usr/bin/env bash
# Ctrl-C: the first asks a job to save and stop, the second ends the program; both exit with 130.
set -euo pipefail
frame=$(dirname "$1")/tests/electra-frame
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
set -m # so that SIGINT reaches jobs in the background

fail() {
    echo "FAILED: $*"
    cat "$work"/out "$work"/err
    exit 1
}
start() { # ARGUMENTS...: start the job and wait until it works
    "$frame" "$@" >"$work/out" 2>"$work/err" &
    job=$!
    for _ in $(seq 500); do
        grep -q working "$work/out" && return
        sleep 0.02
    done
    fail "the job did not begin: $*"
}
expect_end() { # CODE
    local code=0
    wait "$job" || code=$?
    [ "$code" -eq "$1" ] || fail "exit code $code, expected $1"
}

for signal in INT TERM; do
    start wait
    kill -$signal "$job"
    expect_end 130
    grep -q saved "$work/out" || fail "SIG$signal: the job was not asked to save"
    grep -q 'Ctrl-C again' "$work/err" || fail "SIG$signal: nothing said"
    grep -q 'run it again' "$work/err" || fail "SIG$signal: the job's own words are missing"
done

start wait --deaf
kill -INT "$job"
for _ in $(seq 500); do # two signals that wait at the same time would be one
    grep -q 'Ctrl-C again' "$work/err" && break
    sleep 0.02
done
kill -0 "$job" || fail "the first signal ended the program"
kill -INT "$job"
expect_end 130

start wait --quiet
kill -INT "$job"
expect_end 130
[ "$(cat "$work/err")" = "electra: interrupted after 0 steps; run it again to go on" ] || fail "--quiet was not quiet"
echo "interrupt: all as expected"
