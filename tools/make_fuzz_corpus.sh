#!/usr/bin/env bash
# Write what the fuzzers begin with to tests/fuzz/corpus: sound files of every kind from the library's own writers, and
# small odd ones. Inputs that once broke something (crash-*) stay as they are.
#
#     cmake --preset release && cmake --build --preset release
#     tools/make_fuzz_corpus.sh
set -euo pipefail
cd "$(dirname "$0")/.."
build/release/tests/fuzz-seeds tests/fuzz/corpus
for folder in tests/fuzz/corpus/*/; do
    printf '%-20s %3d inputs %7d bytes\n' "$(basename "$folder")" "$(find "$folder" -type f | wc -l)" \
        "$(find "$folder" -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')"
done
