#!/usr/bin/env bash
# Every public header compiles alone, as C17 and as C++11, without a warning.
#
#     tools/check_headers.sh INCLUDE_FOLDER [CC] [CXX]
set -euo pipefail
include=$1
cc=${2:-cc}
cxx=${3:-c++}

flags="-fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -I$include"
n=0
for header in "$include"/electra/*.h; do
    name=electra/$(basename "$header")
    # shellcheck disable=SC2086 # flags are words
    echo "#include <$name>" | "$cc" -std=c17 $flags -x c - || { echo "$name does not compile alone as C17"; exit 1; }
    # shellcheck disable=SC2086
    echo "#include <$name>" | "$cxx" -std=c++11 $flags -x c++ - || { echo "$name does not compile alone as C++11"; exit 1; }
    n=$((n + 1))
done
[ "$n" -gt 0 ] || { echo "no header in $include/electra"; exit 1; }
echo "check_headers: $n headers compile alone as C17 and as C++11"
