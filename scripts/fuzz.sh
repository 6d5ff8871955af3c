#!/usr/bin/env bash
# Looks for inputs that break a reader: builds the fuzz targets with clang's libFuzzer, AddressSanitizer and
# UndefinedBehaviorSanitizer, and runs them one after another, each from its corpus in tests/fuzz/corpus.
#
#     scripts/fuzz.sh                      every target for ten minutes
#     scripts/fuzz.sh safetensors          one target
#     scripts/fuzz.sh safetensors 60       for 60 seconds
#     scripts/fuzz.sh all 60
#
# What it has learned stays in build/fuzz/learned/NAME and is used again; an input that breaks something is left in
# build/fuzz/findings. The last line of each target says how long it ran and what came of it.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${1:-all}
seconds=${2:-600}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { echo "usage: scripts/fuzz.sh [TARGET|all] [SECONDS]" >&2; exit 2; }

scripts/dependencies.sh --fuzz
cmake --preset fuzz
cmake --build --preset fuzz --parallel "$(nproc)"

names=()
for source in tests/fuzz/fuzz_*.c; do
    name=$(basename "$source" .c)
    names+=("${name#fuzz_}")
done
if [ "$target" != all ]; then
    [ -f "tests/fuzz/fuzz_$target.c" ] || { echo "no target '$target'; there are: ${names[*]}" >&2; exit 2; }
    names=("$target")
fi

# every reader has a bounded appetite: one allocation of 1 GiB, or 2 GiB in all, for a few kilobytes of input is a finding
limits=(-timeout=20 -malloc_limit_mb=1024 -rss_limit_mb=2048)
mkdir -p build/fuzz/findings
failed=0
for name in "${names[@]}"; do
    learned=build/fuzz/learned/$name
    log=build/fuzz/$name.log
    mkdir -p "$learned"
    words=()
    [ ! -f "tests/fuzz/dictionaries/$name.dict" ] || words=("-dict=tests/fuzz/dictionaries/$name.dict")
    began=$SECONDS
    code=0
    "build/fuzz/tests/fuzz_$name" -max_total_time="$seconds" -print_final_stats=1 "${limits[@]}" "${words[@]}" \
        -artifact_prefix="build/fuzz/findings/$name-" "$learned" "tests/fuzz/corpus/$name" >"$log" 2>&1 || code=$?
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    if [ "$code" -eq 0 ]; then
        verdict="no finding"
    else
        failed=1
        verdict="A FINDING, see $log"
    fi
    printf '%-18s %5d s  %10s runs  %s\n' "$name" $((SECONDS - began)) "${runs:-?}" "$verdict"
done
exit $failed
