#!/usr/bin/env bash
# The shared library exports electra_* and nothing else; given the folder of the public headers, also: every function
# that they declare is there.
#
#     tools/check_symbols.sh LIBRARY [INCLUDE_FOLDER]
set -euo pipefail
library=$1
include=${2:-}

exported=$(nm -D --defined-only "$library" | awk '{print $NF}' | sed 's/@.*//' | sort -u)
# __odr_asan...: the sanitizer adds one for every exported variable
strangers=$(grep -v -e '^electra_' -e '^__odr_asan' <<<"$exported" || true)
if [ -n "$strangers" ]; then
    printf 'exported, but not electra_*:\n%s\n' "$strangers"
    exit 1
fi
[ -n "$exported" ] || { echo "$library exports nothing"; exit 1; }
if [ -z "$include" ]; then
    echo "check_symbols: $(wc -l <<<"$exported") symbols, all electra_*"
    exit 0
fi
declared=$(cat "$include"/electra/*.h | tr '\n' ' ' | grep -o 'ELECTRA_API [^(;]*(' | sed 's/.*[ *]\(electra_[a-z0-9_]*\) *($/\1/' | sort -u)
[ -n "$declared" ] || { echo "no ELECTRA_API function below $include"; exit 1; }
missing=$(comm -23 <(echo "$declared") <(echo "$exported"))
if [ -n "$missing" ]; then
    printf 'declared in a public header, but not in the library:\n%s\n' "$missing"
    exit 1
fi
echo "check_symbols: $(wc -l <<<"$exported") symbols, all electra_*; all $(wc -l <<<"$declared") declared functions are there"
