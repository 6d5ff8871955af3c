#!/usr/bin/env bash
# The scripts that watch the house notice what they are there for: each finds a planted violation.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

expect_failure() { # WORDS COMMAND...
    local words=$1
    shift
    if "$@" >"$work/words" 2>&1; then
        echo "FAILED: '$*' did not notice"
        exit 1
    fi
    grep -q "$words" "$work/words" || { echo "FAILED: '$*' did not say '$words':"; cat "$work/words"; exit 1; }
}

# ---- include directions
tree() { # a small tree without a fault
    rm -rf "$work/tree"
    mkdir -p "$work/tree"/{src/base,src/model,src/train,src/infer,src/cli,src/backend/cpu,include/electra,examples}
    echo '#include <electra/types.h>' >"$work/tree/src/base/a.h"
    printf '#include "base/a.h"\n#include "model/b.h"\n#include <stdio.h>\n' >"$work/tree/src/train/c.c"
    echo '#include "backend/cpu/kernels.h"' >"$work/tree/src/backend/cpu/d.c"
    printf '#include <electra/electra.h>\n#include "options.h"\n' >"$work/tree/src/cli/cmd.c"
}
tree
"$root/tools/check_layers.sh" "$work/tree" >/dev/null
plant() { # FILE INCLUDE WORDS
    tree
    echo "#include $2" >>"$work/tree/$1"
    expect_failure "$3" "$root/tools/check_layers.sh" "$work/tree"
}
plant src/base/a.h '"model/b.h"' 'src/base may not know src/model'
plant src/base/a.h '<model/b.h>' 'src/base may not know src/model'
plant src/train/c.c '"infer/e.h"' 'src/train may not know src/infer'
plant src/train/c.c '"../infer/e.h"' 'paths are written from src/'
plant src/train/c.c '"backend/cpu/kernels.h"' 'only src/backend knows'
plant src/cli/cmd.c '"base/a.h"' 'public headers'
plant examples/x.c '"base/a.h"' 'public headers'
plant include/electra/types.h '"base/a.h"' 'includes a private one'
tree
mkdir "$work/tree/src/misc"
echo >"$work/tree/src/misc/a.c"
expect_failure 'no place among the layers' "$root/tools/check_layers.sh" "$work/tree"

# ---- exported symbols, and headers that compile alone
mkdir -p "$work/include/electra"
echo 'ELECTRA_API int electra_one(void); ELECTRA_API const char *electra_two(int a, int b);' >"$work/include/electra/a.h"
library() { # SOURCE
    echo "$1" | "${CC:-cc}" -shared -fPIC -x c -o "$work/lib.so" -
}
library 'int electra_one(void) { return 1; } const char *electra_two(int a) { return a ? "" : 0; }'
"$root/tools/check_symbols.sh" "$work/lib.so" "$work/include" >/dev/null
library 'int electra_one(void) { return 1; } const char *electra_two(int a) { return a ? "" : 0; } int el_three;'
expect_failure el_three "$root/tools/check_symbols.sh" "$work/lib.so"
library 'int electra_one(void) { return 1; }'
expect_failure electra_two "$root/tools/check_symbols.sh" "$work/lib.so" "$work/include"
expect_failure 'does not compile alone as C17' "$root/tools/check_headers.sh" "$work/include" "${CC:-cc}" "${CXX:-c++}"
echo 'static inline int *electra_one(void *class) { return class; }' >"$work/include/electra/a.h"
expect_failure 'does not compile alone as C++11' "$root/tools/check_headers.sh" "$work/include" "${CC:-cc}" "${CXX:-c++}"
echo "checks: every planted violation was found"
