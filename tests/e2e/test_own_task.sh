#!/usr/bin/env bash
# The recipe of an own task runs as it stands, with everything cut short; run again it changes nothing.
set -euo pipefail
[ -z "${ELECTRA_SANITIZE:-}" ] || exit 77 # minutes under a sanitizer, which other tests of the same parts run under
program=$(realpath "$1")
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

recipe() {
    ELECTRA=$program WORK=$work/own MINUTES=0.03 EPOCHS=1 TRIALS=2 "$root/recipes/own-task.sh" >"$work/words" 2>&1 || {
        cat "$work/words"
        exit 1
    }
}
expect() { # WORDS FILE
    grep -q "$1" "$2" || { echo "FAILED: $2 lacks '$1'"; cat "$work/words"; exit 1; }
}

recipe
expect '^own: accuracy 0\.[0-9]*, mean of 2 trials' "$work/words"
expect '^accuracy  *[01]\.[0-9]*$' "$work/words"
[ "$(grep -c '"label":"\(speech\|jane_eyre\|secret_garden\|treasure_island\)"' "$work/words")" -eq 3 ] || {
    echo "FAILED: three sentences should have three answers"
    cat "$work/words"
    exit 1
}
expect '"name":"trial 2"' "$work/own/source/report.html"
expect '"counts":\[\[' "$work/own/source/report.html"

sha256sum "$work/own/source/model.safetensors" "$work/own/source/results.json" >"$work/before"
recipe
sha256sum --quiet -c "$work/before" || { echo "FAILED: the second run changed the first one's model"; exit 1; }
