#!/usr/bin/env bash
# What a stranger does: install into a folder, move it, build the examples against it with pkg-config, run them.
set -euo pipefail
build=$(dirname "$(realpath "$1")")
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/first" >"$work/log" || { cat "$work/log"; exit 1; }
mv "$work/first" "$work/prefix"
libdir=$(dirname "$(find "$work/prefix" -name electra.pc)")/..
export PKG_CONFIG_PATH="$libdir/pkgconfig" LD_LIBRARY_PATH="$libdir"
for file in bin/electra include/electra/electra.h share/man/man1/electra.1; do
    [ -s "$work/prefix/$file" ] || { echo "FAILED: $file is not installed"; exit 1; }
done

sanitize=${ELECTRA_SANITIZE:+-fsanitize=$ELECTRA_SANITIZE}
# The static library with shared dependencies: pkg-config --static would ask for theirs too, which Debian does not install.
# shellcheck disable=SC2046 # modules are words
needs=$(pkg-config --libs $(pkg-config --print-requires-private electra))
n=0
for source in "$root"/examples/*.c; do
    name=$(basename "$source" .c)
    # shellcheck disable=SC2046,SC2086 # flags are words
    "${CC:-cc}" -std=c17 -Wall -Werror $sanitize "$source" -o "$work/$name" $(pkg-config --cflags --libs electra)
    # shellcheck disable=SC2046,SC2086
    "${CC:-cc}" -std=c17 $sanitize "$source" -o "$work/$name-static" $(pkg-config --cflags electra) \
        "$libdir/libelectra.a" $needs -pthread -lm
    n=$((n + 1))
done
models=$root/tests/golden/fixtures/pipeline
[[ "$("$work/classify" "$models/classify" "The food was good.")" == *positive* ]]
[[ "$("$work/embed" "$models/discriminator" "the cat" "the dog" | head -1)" == " 1.000  the cat" ]]
[[ "$("$work/detect-static" "$models/discriminator" "the cat")" == *cat* ]]
[ "$("$work/version")" = "$("$work/version-static")" ]
[[ "$("$work/version")" == *"$(pkg-config --modversion electra)"* ]] || { echo "FAILED: versions differ"; exit 1; }
[ "$("$work/prefix/bin/electra" --version)" = "electra $(pkg-config --modversion electra)" ]
[[ $(ldd "$work/version") == *"$work"* ]] || { echo "FAILED: the shared library was not used"; exit 1; }
echo "install: $n examples build against the installed library, shared and static"
