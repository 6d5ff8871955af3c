#!/usr/bin/env bash
# electra bench: every subject answers with numbers in the documented shape. How large they are is not looked at.
set -euo pipefail
electra=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*"
    exit 1
}
has() { # FILE KEY...
    local file=$1 key
    shift
    for key in "$@"; do
        grep -q "\"$key\":" "$file" || fail "no $key in $(cat "$file")"
    done
}
refuses() { # CODE ARGUMENTS...
    local code=0 expected=$1
    shift
    "$electra" bench "$@" >"$work/out" 2>"$work/err" || code=$?
    [ "$code" -eq "$expected" ] || fail "bench $*: exit code $code, expected $expected"
    [ ! -s "$work/out" ] || fail "bench $*: an error writes to stdout"
}

"$electra" bench pretrain --size tiny --batch 3 --micro-batch 2 --max-length 16 --steps 1 --threads 2 --json --verbose \
    >"$work/pretrain" 2>"$work/log"
has "$work/pretrain" name settings tokens_per_second sequences_per_second p50_ms p99_ms gflops peak_gflops \
    share_of_peak peak_rss_mb operators
[ "$(wc -l <"$work/pretrain")" -eq 1 ] || fail "more than one object"
"$electra" bench pretrain --size tiny --batch 1 --max-length 16 --steps 1 --quiet >"$work/text" 2>"$work/log"
[ ! -s "$work/log" ] || fail "--quiet speaks: $(cat "$work/log")"
grep -q "of the peak of" "$work/text" || fail "no share of the peak"

"$electra" bench infer --size tiny --batch 3 --length 16 --steps 2 --threads 2 --json --verbose >"$work/infer" 2>"$work/log"
has "$work/infer" name settings tokens_per_second sequences_per_second p50_ms p99_ms gflops peak_gflops share_of_peak \
    peak_rss_mb operators
grep -q '"calls":2,' "$work/infer" || fail "two calls are not counted: $(cat "$work/infer")"
"$electra" bench infer --size tiny --batch 1 --length 8 --steps 1 --dtype int8 --json >"$work/int8" 2>"$work/log"
grep -q '"dtype":"int8"' "$work/int8" || fail "int8 is not measured: $(cat "$work/int8")"
TMPDIR="$work/nowhere" refuses 3 infer --size tiny --steps 1
mkdir "$work/tmp"
TMPDIR="$work/tmp" "$electra" bench infer --size tiny --batch 1 --length 8 --steps 1 --quiet >"$work/text" 2>"$work/log"
grep -q "of the peak of" "$work/text" || fail "no share of the peak of infer"
[ -z "$(ls -A "$work/tmp")" ] || fail "infer left a folder behind"

printf '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ncat\n##s\n' >"$work/vocab.txt"
printf 'the cats\nthe cat the\n' >"$work/input.txt"
"$electra" bench tokenize --vocab "$work/vocab.txt" --input "$work/input.txt" --seconds 0.01 --json >"$work/tokenize"
has "$work/tokenize" tokens_per_second p50_ms peak_gflops
grep -q '"tokens":6,' "$work/tokenize" || fail "six tokens are not counted: $(cat "$work/tokenize")"

refuses 2
refuses 2 sing
refuses 2 pretrain kernels
refuses 2 tokenize --vocab "$work/vocab.txt"
refuses 3 tokenize --vocab "$work/vocab.txt" --input "$work/missing.txt"
: >"$work/empty.txt"
refuses 3 tokenize --vocab "$work/vocab.txt" --input "$work/empty.txt"
refuses 3 infer --model "$work/missing"
refuses 2 infer --size tiny --length 100000
refuses 2 pretrain --size tiny --batch 1 --max-length 100000
echo "bench: all as documented"
