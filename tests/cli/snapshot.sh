#!/usr/bin/env bash
# Runs the commands of one snapshot and compares what they print and how they end.
#
#     tests/cli/snapshot.sh ELECTRA SNAPSHOT         compare
#     UPDATE=1 tests/cli/snapshot.sh ELECTRA SNAPSHOT   rewrite it to what is printed now (read the diff before committing)
#
# A snapshot is a text:
#     # words for the reader
#     $ a command line for bash; `electra` is the program, $DATA the folder tests/data,
#       $FIXTURES the folder tests/golden/fixtures
#       what it prints to stdout, indented by two spaces
#     ! what it prints to stderr
#     ? its exit code, unless it is 0
# The commands of one snapshot share a fresh folder, in which they run.
set -euo pipefail
program=$(realpath "$1")
snapshot=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/run"
ln -s "$program" "$work/bin/electra"
if [ -x "$(dirname "$program")/tests/electra-frame" ]; then
    ln -s "$(dirname "$program")/tests/electra-frame" "$work/bin/electra-frame"
fi
export PATH="$work/bin:$PATH" DATA="$here/../data" FIXTURES=$(realpath "$here/../golden/fixtures") TERM=dumb LC_ALL=C.UTF-8
unset NO_COLOR ELECTRA_CPU
cd "$work/run"

prefixed() { # FILE PREFIX: its lines with a prefix; a missing line end is shown
    [ -s "$1" ] || return 0
    sed "s/^/$2/" "$1"
    [ -z "$(tail -c 1 "$1")" ] || echo "<no line end>"
}

while IFS= read -r line || [ -n "$line" ]; do
    case $line in
    '$ '*)
        printf '%s\n' "$line"
        code=0
        bash -c "${line#\$ }" </dev/null >"$work/stdout" 2>"$work/stderr" || code=$?
        prefixed "$work/stdout" "  "
        prefixed "$work/stderr" "! "
        [ "$code" -eq 0 ] || echo "? $code"
        ;;
    '#'* | '') printf '%s\n' "$line" ;;
    esac
done <"$snapshot" >"$work/actual"

if [ -n "${UPDATE:-}" ]; then
    cat "$work/actual" >"$snapshot"
elif ! diff -u --label expected --label actual "$snapshot" "$work/actual"; then
    echo "If this is meant: UPDATE=1 $0 $1 $2"
    exit 1
fi
