#!/usr/bin/env bash
# What holds for every command, whatever commands there are: help on every level, examples that use existing options,
# misuse answered on stderr with exit code 2, a place in the man page.
set -euo pipefail
electra=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*"
    exit 1
}
run() { # CODE ARGUMENTS...
    local code=0 expected=$1
    shift
    "$electra" "$@" >"$work/out" 2>"$work/err" </dev/null || code=$?
    [ "$code" -eq "$expected" ] || fail "electra $*: exit code $code, expected $expected: $(cat "$work/err")"
}

run 0 --help
[ ! -s "$work/err" ] || fail "help writes to stderr"
commands=$(sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$work/out")
run 0 help --man
cp "$work/out" "$work/man"

for command in $commands; do
    run 0 "$command" --help
    cp "$work/out" "$work/help"
    [ ! -s "$work/err" ] || fail "electra $command --help writes to stderr"
    run 0 help "$command"
    cmp "$work/out" "$work/help" || fail "electra help $command differs from electra $command --help"
    grep -q "^Usage: electra $command" "$work/help" || fail "$command: no usage line"
    grep -q '^Exit codes:' "$work/help" || fail "$command: no exit codes"
    awk 'length > 100 { print; bad = 1 } END { exit bad }' "$work/help" || fail "$command: lines longer than 100"
    letters=$(grep -o '^  -[a-z]' "$work/help" | sort | uniq -d)
    [ -z "$letters" ] || fail "$command: one letter for two options: $letters"
    names=$(grep -o '^ .*--[a-z][a-z-]*' "$work/help" | grep -o '^  \(-[a-z],\|   \) --[a-z-]*' | sed 's/.*--//' | sort | uniq -d)
    [ -z "$names" ] || fail "$command: one name for two options: $names"
    sed -n '/^Examples:/,/^Exit codes:/s/^  //p' "$work/help" | grep "electra $command" >"$work/examples" ||
        fail "$command: no example"
    grep -o -- ' --[a-z][a-z-]*' "$work/examples" | sort -u | while read -r option; do
        grep -q -- "$option\b" <(sed '/^Examples:/,$d' "$work/help") || fail "$command: the example uses $option"
    done
    grep -q "^\.SS $command: " "$work/man" || fail "$command: not in the man page"
    run 2 "$command" --no-such-option
    [ ! -s "$work/out" ] || fail "electra $command --no-such-option writes to stdout"
    grep -q "electra $command --help" "$work/err" || fail "$command: misuse without a way out"
    run 2 "$command" --no-such-option --json
    grep -q '^{"error":{"code":2,"message":".*","where":"--no-such-option"}}$' "$work/err" || fail "$command: no JSON error"
done
[ -n "$commands" ] || echo "no commands yet"
echo "commands: $(wc -w <<<"$commands") as expected"
