#!/usr/bin/env bash
# Installs what is missing, builds, and runs the tests. The last line says how many passed and failed.
#
#     scripts/test.sh                              the release build, all tests
#     scripts/test.sh --preset asan                another preset: release, debug, asan, tsan
#     scripts/test.sh --cc clang --werror          another compiler, in a folder of its own; warnings stop the build
#     scripts/test.sh --preset tsan -- -L threads  what follows -- goes to ctest
set -euo pipefail
cd "$(dirname "$0")/.."

preset=release
compiler=
werror=OFF
while [ $# -gt 0 ]; do
    case $1 in
    --preset) preset=$2; shift 2 ;;
    --cc) compiler=$2; shift 2 ;;
    --werror) werror=ON; shift ;;
    --) shift; break ;;
    *) echo "usage: scripts/test.sh [--preset NAME] [--cc COMPILER] [--werror] [-- CTEST_OPTIONS]" >&2; exit 2 ;;
    esac
done

scripts/dependencies.sh

folder=build/$preset
configure=(cmake --preset "$preset" "-DELECTRA_WERROR=$werror")
if [ -n "$compiler" ]; then
    folder=build/$preset-$compiler
    configure+=(-B "$folder" "-DCMAKE_C_COMPILER=$compiler")
fi
"${configure[@]}"
cmake --build "$folder" --parallel "$(nproc)"

# ctest's own verdict goes into a file of counts too, because its summary line does not tell skipped from passed.
counts=$folder/ctest-junit.xml
rm -f "$counts"
code=0
ctest --test-dir "$folder" --parallel "$(nproc)" --timeout 900 --output-on-failure --no-tests=error \
    --output-junit "$PWD/$counts" "$@" </dev/null || code=$?
[ -s "$counts" ] || { echo "0 passed, 1 failed"; exit 1; }

count() { # the attribute $1 of the suite
    grep -o -m 1 "\b$1=\"[0-9]*\"" "$counts" | head -n 1 | tr -dc 0-9
}
failed=$(count failures)
skipped=$(($(count skipped) + $(count disabled)))
passed=$(($(count tests) - failed - skipped))
if [ "$skipped" -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
exit "$code"
