#!/usr/bin/env bash
# Which folder may include which: downwards only, and the program and the examples nothing but public headers.
# Prints every include that breaks the rule; exits 1 if there is one.
#
#     tools/check_layers.sh [ROOT]
set -euo pipefail
root=${1:-$(dirname "$0")/..}
cd "$root"

# A folder may include itself and every folder in a lower row; folders of one row know nothing of each other.
layers="base backend text data model interop train,infer tasks report,server,cli"

files=$(find src include examples -name '*.[ch]' 2>/dev/null | sort)
[ -n "$files" ] || { echo "check_layers: no sources below $root" >&2; exit 2; }

# shellcheck disable=SC2086 # no spaces in our file names
awk -v layers="$layers" '
function complain(why) {
    sub(/^[ \t]+/, "", $0)
    printf "%s:%d: %s\n    %s\n", FILENAME, FNR, why, $0
    bad = 1
}
BEGIN {
    n_rows = split(layers, rows, " ")
    for (i = 1; i <= n_rows; ++i) {
        n = split(rows[i], names, ",")
        for (j = 1; j <= n; ++j) rank[names[j]] = i
    }
}
FNR == 1 {
    split(FILENAME, part, "/")
    home = part[1] == "src" ? part[2] : part[1] # "include" and "examples" stand for themselves
    if (part[1] == "src" && !(home in rank)) complain("the folder src/" home " has no place among the layers")
}
/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
    path = $0
    sub(/^[^<"]*[<"]/, "", path)
    sub(/[>"].*$/, "", path)
    n = split(path, step, "/")
    target = n > 1 ? step[1] : ""
    if (path ~ /\.\.\//) { complain("paths are written from src/, not with ../"); next }
    if (!(target in rank)) next # a public or system header, or one of the same folder
    if (home == "include") complain("a public header includes a private one")
    else if (home == "examples" || home == "cli") complain(home " uses public headers (and its own) only")
    else if (target != home && rank[target] >= rank[home]) complain("src/" home " may not know src/" target)
    else if (home != "backend" && path ~ /^backend\/(cpu|cuda)\//) complain("only src/backend knows which backends there are")
}
END { exit bad }
' $files
echo "check_layers: $(echo "$files" | wc -l) files, all includes go downwards"
